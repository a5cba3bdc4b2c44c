import type { XylemError } from "../../base/errors.ts";
import type { ChainReplica } from "../../replication/chain-replica.ts";
import { OffsetWaiters } from "../partition/offset-waiters.ts";
import type { Durability } from "../partition/partition-log.ts";

type Done = (error?: Error) => void;

/**
 * Who waits at a head for the whole chain to have something as durably as he asks, whatever the
 * topic's durability: for as long as the head may commit.
 */
export class StoredWaiters {
  readonly #replica: ChainReplica;
  readonly #waiters: Readonly<Record<Durability, OffsetWaiters>> = {
    os: new OffsetWaiters(),
    fsync: new OffsetWaiters(),
  };

  constructor(replica: ChainReplica) {
    this.#replica = replica;
  }

  add(offset: number, durability: Durability, done: Done): void {
    this.#waiters[durability].add(offset, done);
  }

  advance(nowMs: number): void {
    const { os, fsync } = this.#waiters;
    if (os.count + fsync.count === 0) return;
    if (this.#replica.refusalOfCommit(nowMs) !== undefined) return;
    const { written, flushed } = this.#replica.chainMarks;
    os.advance(written);
    fsync.advance(Math.min(flushed, this.#replica.marks.committed));
  }

  fail(error: XylemError): void {
    for (const waiters of Object.values(this.#waiters)) waiters.failAbove(-1, error);
  }
}
