import { XylemError } from "../../base/errors.ts";
import { type ChainConfig, roleOf } from "../../replication/chain-config.ts";
import type { ReplicaGovernor, ReplicaLog } from "../partition/replica/replica-log.ts";
import type { ChainPlace, RunningChain } from "./running-chain.ts";

/** A chain as its only member runs it: what this node holds is committed, while its lease holds. */
export class LoneChain implements RunningChain, ReplicaGovernor {
  readonly #replica: ReplicaLog;
  readonly #place: ChainPlace;
  #isSolo = false;

  constructor(replica: ReplicaLog, place: ChainPlace) {
    this.#replica = replica;
    this.#place = place;
    replica.govern(this);
  }

  get isServing(): boolean {
    return this.#isSolo;
  }

  configure(config: ChainConfig): void {
    const wasSolo = this.#isSolo;
    const isSolo = roleOf(config, this.#place.self) === "solo";
    this.#isSolo = false;
    if (isSolo) this.#replica.beginEpoch(config.epoch);
    else if (wasSolo) this.#replica.failWaiters(this.#notHere());
    this.#isSolo = isSolo;
    this.review();
  }

  review(): void {
    if (this.#isSolo && this.#place.isStanding()) this.#replica.commit(this.#replica.held);
  }

  close(): void {
    this.#isSolo = false;
    this.#replica.failWaiters(this.#notHere());
  }

  refusal(): XylemError | undefined {
    return this.#isSolo && this.#place.isStanding() ? undefined : this.#notHere();
  }

  isAlone(): boolean {
    return this.#isSolo;
  }

  isHead(): boolean {
    return this.#isSolo;
  }

  onAppended(): void {}

  onStored(): void {
    this.review();
  }

  onStopped(): void {}

  #notHere(): XylemError {
    const { topic, index } = this.#replica.log;
    return new XylemError("NOT_LEADER_OR_FOLLOWER", `${topic}-${index} is not served here now`);
  }
}
