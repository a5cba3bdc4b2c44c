import { XylemError } from "../../base/errors.ts";
import type { ChainEffect, RefusalCode } from "../../replication/chain-effect.ts";
import type { ChainInput, LinkId } from "../../replication/chain-input.ts";
import { carriesRecords } from "../../replication/chain-message.ts";
import type { ChainReplica } from "../../replication/chain-replica.ts";
import type { ReadResult } from "../partition/partition-log.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { ChainHost } from "./chain-host.ts";
import { CopyGate } from "./pace/copy-gate.ts";
import { ReplicaOrders } from "./replica-orders.ts";
import { type LoadedRead, SuccessorReads } from "./successor-reads.ts";

/** Whose effects they are. */
export interface EffectsOwner {
  readonly replica: Pick<ChainReplica, "copyingTo">;
  feed(input: ChainInput): void;
  /** Before all that waits to be worked off. */
  feedFirst(input: ChainInput): void;
  /** What could not be read may be read now, or was: `takeLoaded` has it. */
  roomOpened(): void;
  refuseWaiting(code: RefusalCode): void;
  halt(reason: string, cause?: unknown): void;
}

/** With what an input came: of a message, or read for a successor. */
export interface EffectBytes {
  readonly bytes?: Uint8Array | undefined;
  readonly records?: ReadResult;
}

const noBytes = new Uint8Array(0);

/**
 * Does what one replica says, on its log and on links. What waits for the disk, for room on a link
 * or for the pace at which this node copies becomes a later input.
 */
export class ReplicaEffects {
  readonly #log: ReplicaLog;
  readonly #host: ChainHost;
  readonly #owner: EffectsOwner;
  readonly #reads: SuccessorReads;
  readonly #gate: CopyGate;
  readonly #orders: ReplicaOrders;
  readonly #wanted = new Set<number>();
  #warnedOf = "";

  constructor(log: ReplicaLog, host: ChainHost, owner: EffectsOwner) {
    this.#log = log;
    this.#host = host;
    this.#owner = owner;
    this.#gate = new CopyGate(host.pace, owner, log.log.index);
    this.#reads = new SuccessorReads(log, {
      allowance: ({ link, session, sizeBytesMax }) => {
        const joiner = owner.replica.copyingTo(link, session);
        return this.#gate.take(joiner?.id, sizeBytesMax, log.settings);
      },
      hasRoom: (link) => host.hasRoom(link),
      onLoaded: () => owner.roomOpened(),
      onFailed: (error) => {
        this.#gate.done(0);
        this.#warn("records for a successor can not be read", error);
      },
    });
    this.#orders = new ReplicaOrders(log, host, owner);
  }

  /** Copying waits for its turn. */
  get isHeldBack(): boolean {
    return this.#gate.isHeldBack;
  }

  /** Nothing is to be tried again. */
  get isIdle(): boolean {
    return this.#reads.isIdle && !this.#gate.isHeldBack;
  }

  /** Whether links to that node are for this replica. */
  wants(nodeId: number): boolean {
    return this.#wanted.has(nodeId);
  }

  perform(effects: readonly ChainEffect[], came: EffectBytes): void {
    let { records } = came;
    for (const effect of effects) {
      if (effect.kind === "send" && carriesRecords(effect.message)) {
        this.#host.send(effect.link, effect.message, records);
        records = undefined;
      } else this.#apply(effect, came.bytes);
    }
    // The session for which they were read is over.
    records?.lease?.release();
  }

  flush(offset: number): void {
    this.#orders.take({ kind: "flush", offset });
  }

  /** What is read for a successor, or can be read at once; whoever takes it performs it. */
  takeLoaded(): LoadedRead | undefined {
    const loaded = this.#reads.take();
    if (loaded !== undefined) this.#gate.done(loaded.records.sizeBytes);
    return loaded;
  }

  /** Reads that failed are tried again. */
  retry(): void {
    this.#reads.retry();
  }

  linkClosed(link: LinkId): void {
    if (this.#reads.closed(link)) this.#gate.leave();
  }

  close(): void {
    this.#reads.close();
    this.#gate.done(0);
    this.#gate.leave();
    this.#orders.close();
    for (const nodeId of this.#wanted) this.#host.unwant(nodeId);
    this.#wanted.clear();
  }

  #apply(effect: ChainEffect, bytes: Uint8Array = noBytes): void {
    switch (effect.kind) {
      case "beginEpoch":
        return this.#log.beginEpoch(effect.epoch);
      case "want":
        this.#wanted.add(effect.nodeId);
        return this.#host.want(effect.nodeId);
      case "unwant":
        this.#wanted.delete(effect.nodeId);
        return this.#host.unwant(effect.nodeId);
      case "send":
        return this.#host.send(effect.link, effect.message);
      case "read":
        return this.#reads.want(effect);
      case "appendReplicated":
        return this.#append(bytes, effect.next);
      case "commit":
        return this.#log.commit(effect.offset);
      case "truncate":
      case "restart":
      case "moveLogStart":
      case "flush":
        return this.#orders.take(effect);
      case "ask":
        return this.#host.ask(effect.ask);
      case "refuseWaiting":
        return this.#owner.refuseWaiting(effect.code);
      case "lookAgain":
        return this.#host.lookAgain();
      case "halt":
        return this.#owner.halt(effect.reason);
    }
  }

  #append(bytes: Uint8Array, next: number): void {
    try {
      this.#log.appendReplicated(bytes, next);
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      this.#warn("what a predecessor sent was not taken", error);
      const refused = { kind: "refused", isFull: error.code === "DISK_FULL" } as const;
      this.#owner.feedFirst({ ...refused, ...beginningOf(error) });
    }
  }

  /** Once until something else is wrong. */
  #warn(message: string, { message: why }: XylemError): void {
    if (this.#warnedOf === why) return;
    this.#warnedOf = why;
    const { topic, index: partition } = this.#log.log;
    this.#host.log.warn(message, { topic, partition, why });
  }
}

/** Where a batch begins that reaches across the place it was meant for. */
function beginningOf({ code, facts = {} }: XylemError): { beginsAt?: number } {
  const { expected, actual } = facts;
  if (code !== "OFFSET_MISMATCH" || typeof actual !== "number") return {};
  return actual < Number(expected) ? { beginsAt: actual } : {};
}
