import { XylemError } from "../../base/errors.ts";
import type { AdvanceListener, Durability } from "./partition-log.ts";
import { OffsetWaiters } from "./offset-waiters.ts";

/** What a partition that was closed says to whoever still asks. */
export const closedError = (): XylemError =>
  new XylemError("NOT_LEADER_OR_FOLLOWER", "the partition is closed");

/** How far a partition's bytes have come. */
export interface StoredMarks {
  readonly written: number;
  readonly flushed: number;
  requestFlush(): void;
  /** What lies below `offset` is acknowledged once it is written. */
  vouchFor(offset: number): void;
}

/** How far a partition has come, whether it still goes on, and who waits to be told. */
export class PartitionProgress {
  /** For `committed`. */
  readonly #waiters = new OffsetWaiters();
  /** For `held`, where a chain says what is committed. */
  readonly #heldWaiters: OffsetWaiters | undefined;
  readonly #listeners = new Set<AdvanceListener>();
  readonly #patient = new Set<AdvanceListener>();
  #held: number;
  /** Undefined: all that is held. */
  #committed: number | undefined;
  #writable: { promise: Promise<void>; resolve: () => void } | undefined;
  /** Who asks for more or less than the topic's durability; undefined: nobody. */
  #storedWaiters: Readonly<Record<Durability, OffsetWaiters>> | undefined;
  #stopped: XylemError | undefined;
  #isReleased = false;

  /** With `committed` a chain says what is. */
  constructor(held: number, committed?: number) {
    this.#held = held;
    this.#committed = committed;
    this.#heldWaiters = committed === undefined ? undefined : new OffsetWaiters();
  }

  /** What this replica has as durably as the topic asks. */
  get held(): number {
    return this.#held;
  }

  get committed(): number {
    return this.#committed ?? this.#held;
  }

  /** Set once the partition can not be used any more. */
  get stopped(): XylemError | undefined {
    return this.#stopped;
  }

  /** Somebody waits to be told of something. */
  get isWatched(): boolean {
    const count = this.#waiters.count + (this.#heldWaiters?.count ?? 0);
    const isAwaited = count > 0 || this.#storedWaiters !== undefined;
    return isAwaited || this.#listeners.size > 0 || this.#writable !== undefined;
  }

  /** Calls back once `held` has reached `offset`, or with why it will not. */
  whenHeld(offset: number, done: (error?: Error) => void): void {
    if (this.#held >= offset) done();
    else this.#wait(this.#heldWaiters ?? this.#waiters, offset, done);
  }

  /** As `whenHeld`, for `committed`. */
  whenCommitted(offset: number, done: (error?: Error) => void): void {
    if (this.committed >= offset) done();
    else this.#wait(this.#waiters, offset, done);
  }

  #wait(waiters: OffsetWaiters, offset: number, done: (error?: Error) => void): void {
    if (this.#stopped !== undefined) done(this.#stopped);
    else if (this.#isReleased) done(closedError());
    else waiters.add(offset, done);
  }

  /** As `whenHeld`, for what is written or flushed. */
  whenStored(
    marks: StoredMarks,
    { offset, durability }: { offset: number; durability: Durability },
    done: (error?: Error) => void,
  ): void {
    if (durability === "os") marks.vouchFor(offset);
    const reached = durability === "fsync" ? marks.flushed : marks.written;
    if (reached >= offset) return done();
    if (this.#stopped !== undefined) return done(this.#stopped);
    if (this.#isReleased) return done(closedError());
    this.#storedWaiters ??= { os: new OffsetWaiters(), fsync: new OffsetWaiters() };
    this.#storedWaiters[durability].add(offset, done);
    if (durability === "fsync") marks.requestFlush();
  }

  /** Something was written or flushed. */
  noteStored(marks: StoredMarks): void {
    if (this.#storedWaiters === undefined) return;
    const { os, fsync } = this.#storedWaiters;
    os.advance(marks.written);
    fsync.advance(marks.flushed);
    if (fsync.count > 0) marks.requestFlush();
    else if (os.count === 0) this.#storedWaiters = undefined;
  }

  #failStored(above: number, error: Error): void {
    const waiters = this.#storedWaiters;
    waiters?.os.failAbove(above, error);
    waiters?.fsync.failAbove(above, error);
  }

  /** Calls `listener` at each `tell`, until the answer is called. */
  onAdvance(listener: AdvanceListener): () => void {
    const listeners = listener.isPatient === true ? this.#patient : this.#listeners;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  advance(held: number): void {
    if (held <= this.#held) return;
    this.#held = held;
    this.#heldWaiters?.advance(held);
    if (this.#committed !== undefined) return;
    this.#waiters.advance(held);
    this.tell();
  }

  /** A chain has committed what lies below `offset`, which is held. */
  commit(offset: number): void {
    this.#committed = offset;
    this.#waiters.advance(offset);
    this.tell();
  }

  /** Who waits is told why what he waits for will not come. */
  failWaiters(error: Error): void {
    this.#failAbove(-1, error);
  }

  /** What is held stays, and who waits for no more than that goes on waiting. */
  refuseCommits(error: Error): void {
    this.#waiters.failAbove(-1, error);
  }

  /** The log was cut at `end`, or goes on there without what it had: nothing there is in doubt. */
  cut({ end, isRestart }: { end: number; isRestart: boolean }, error: Error): void {
    this.#held = isRestart ? end : Math.min(this.#held, end);
    this.#committed = isRestart ? end : Math.min(this.committed, end);
    this.#failAbove(isRestart ? -1 : end, error);
    this.tell();
  }

  #failAbove(offset: number, error: Error): void {
    this.#waiters.failAbove(offset, error);
    this.#heldWaiters?.failAbove(offset, error);
    this.#failStored(offset, error);
  }

  /** Something that readers go by has moved. */
  tell(): void {
    for (const listener of this.#listeners) listener();
    for (const listener of this.#patient) listener();
  }

  /** Resolves at the next `letWrite`. */
  writable(): Promise<void> {
    this.#writable ??= Promise.withResolvers();
    return this.#writable.promise;
  }

  letWrite(): void {
    this.#writable?.resolve();
    this.#writable = undefined;
  }

  /** What lies at or above `written` never happened. */
  takeBack(written: number, error: XylemError): void {
    this.#failAbove(written, error);
    this.letWrite();
  }

  stop(error: XylemError): void {
    this.#stopped = error;
    this.#failAbove(-1, error);
    this.letWrite();
    this.tell();
  }

  /** The partition is closed: nobody is told anything any more. */
  release(): void {
    this.#isReleased = true;
    this.#failAbove(-1, closedError());
    this.letWrite();
    this.#listeners.clear();
    this.#patient.clear();
  }
}
