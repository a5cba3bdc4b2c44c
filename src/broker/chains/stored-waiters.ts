import type { Cancel } from "../../base/clock.ts";
import type { XylemError } from "../../base/errors.ts";
import type { ChainReplica } from "../../replication/chain-replica.ts";
import type { StoredAsk } from "../cluster/replicas/running-chain.ts";
import { OffsetWaiters } from "../partition/offset-waiters.ts";
import type { Durability } from "../partition/partition-log.ts";

type Done = (error?: Error) => void;
type Waiters = Readonly<Record<Durability, OffsetWaiters>>;

/**
 * Who waits at a head, until he gives up, for the whole chain to have something as durably as he
 * asks, whatever the topic's durability, and for the chain to be as long as he asks: for as long as
 * the head may commit.
 */
export class StoredWaiters {
  readonly #replica: ChainReplica;
  /** By the least length of the chain. */
  readonly #waiters = new Map<number, Waiters>();
  readonly #deleted = new OffsetWaiters();

  constructor(replica: ChainReplica) {
    this.#replica = replica;
  }

  add(offset: number, { durability, replicasMin }: StoredAsk, done: Done): Cancel {
    const known = this.#waiters.get(replicasMin);
    const waiters = known ?? { os: new OffsetWaiters(), fsync: new OffsetWaiters() };
    if (known === undefined) this.#waiters.set(replicasMin, waiters);
    const queue = waiters[durability];
    const waiter = queue.add(offset, done);
    return () => queue.cancel(waiter);
  }

  /** For the whole chain to have deleted what is below. */
  addDeleted(offset: number, done: Done): Cancel {
    const waiter = this.#deleted.add(offset, done);
    return () => this.#deleted.cancel(waiter);
  }

  advance(nowMs: number): void {
    if (this.#waiters.size + this.#deleted.count === 0) return;
    if (this.#replica.refusalOfCommit(nowMs) !== undefined) return;
    const { chainMarks, marks, config } = this.#replica;
    this.#deleted.advance(chainMarks.logStart);
    const length = config?.members.length ?? 0;
    for (const [replicasMin, { os, fsync }] of this.#waiters) {
      if (replicasMin > length) continue;
      os.advance(chainMarks.written);
      fsync.advance(Math.min(chainMarks.flushed, marks.committed));
      if (os.count + fsync.count === 0) this.#waiters.delete(replicasMin);
    }
  }

  fail(error: XylemError): void {
    this.#deleted.failAbove(-1, error);
    for (const { os, fsync } of this.#waiters.values()) {
      os.failAbove(-1, error);
      fsync.failAbove(-1, error);
    }
    this.#waiters.clear();
  }
}
