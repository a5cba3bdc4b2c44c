import type { ChainConfig } from "../../../replication/chain-config.ts";
import type { NewerLog } from "../../../replication/chain-effect.ts";
import type { LogStanding } from "../../../replication/controller/chain-ask.ts";
import type { ReplicaLog } from "../../partition/replica/replica-log.ts";
import type { Cluster } from "../cluster.ts";
import type { KnownChains } from "./known-chains.ts";
import { isNewerThan, soundEnd } from "./replica-mending.ts";
import type { ChainPlace } from "./running-chain.ts";

/** Tells the controller, again and again; undefined: the chain is as new as the log. */
export type TellNewer = (place: ChainPlace, newer: NewerLog | undefined) => void;

/** What this node knows of its chains, and may know better than a restored coordinator. */
export class RestoredChains {
  readonly #cluster: Cluster;
  readonly #known: KnownChains;
  readonly #tellNewer: TellNewer;
  /** Whose first note is not on the disk yet. */
  readonly #beginning = new Set<string>();

  constructor(cluster: Cluster, known: KnownChains, tellNewer: TellNewer) {
    this.#cluster = cluster;
    this.#known = known;
    this.#tellNewer = tellNewer;
  }

  /** Whether nothing is to be done yet as the chain says. */
  isHeldBack(key: string, config: ChainConfig, replica: ReplicaLog | undefined): boolean {
    return this.#cluster.restored.isOfBackup(config) || this.#isAhead(key, config, replica);
  }

  /** Whether it was given up here in an epoch that the chain does not know: there are no files. */
  isGone(key: string): boolean {
    return this.#known.find(key)?.isGone === true;
  }

  /** Whether this node never ran a replica: none runs before it is noted (`begin`). */
  isNew(key: string): boolean {
    return this.#known.isWhole && this.#known.find(key) === undefined;
  }

  /** What there is to say of a log; without a replica: as if it had no records. */
  endOf(key: string, replica: ReplicaLog | undefined): LogStanding {
    const end = replica === undefined ? { lastEpoch: -1, endOffset: 0 } : soundEnd(replica);
    const known = this.#known.find(key);
    if (known === undefined) return end;
    const { epoch, memberIds, unclean } = known;
    return { ...end, known: { epoch, memberIds, unclean } };
  }

  /** Whoever decides knows then what is known here. Throws what the coordinator does. */
  async tell(place: ChainPlace, config: ChainConfig, replica?: ReplicaLog): Promise<void> {
    const { key } = place;
    if (!this.#isAhead(key, config, replica)) return this.#tellNewer(place, undefined);
    // By the time that it is told the chain may have gone on, and be newer.
    const { epoch } = config;
    this.#tellNewer(place, { kind: "fenced", epoch, ...this.endOf(key, replica) });
    await this.#cluster.restored.cover(config);
  }

  untell(place: ChainPlace): void {
    this.#tellNewer(place, undefined);
  }

  /** Its replica runs for the first time: durable when it resolves. Throws what the disk does. */
  async begin(key: string, config: ChainConfig): Promise<void> {
    if (this.#known.find(key) === undefined) this.#beginning.add(key);
    if (!this.#beginning.has(key)) return;
    this.note(key, config);
    await this.#known.stored();
    this.#beginning.delete(key);
  }

  /** This node takes part in the chain as it is. */
  note(key: string, config: ChainConfig): void {
    this.#known.note(key, config, { isGone: false });
  }

  /** Its replica goes; durable when it resolves. Throws what the disk does. */
  async noteGone(key: string, config: ChainConfig): Promise<void> {
    this.#known.note(key, config, { isGone: true });
    await this.#known.stored();
  }

  forget(key: string): void {
    this.#beginning.delete(key);
    this.#known.forget(key);
  }

  #isAhead(key: string, config: ChainConfig, replica: ReplicaLog | undefined): boolean {
    const hasNewer = replica !== undefined && isNewerThan(config, replica);
    return hasNewer || this.#known.isAhead(key, config);
  }
}
