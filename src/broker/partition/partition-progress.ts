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
}

/** How far a partition has come, whether it still goes on, and who waits to be told. */
export class PartitionProgress {
  readonly #waiters = new OffsetWaiters();
  readonly #listeners = new Set<AdvanceListener>();
  readonly #patient = new Set<AdvanceListener>();
  #held: number;
  #writable: { promise: Promise<void>; resolve: () => void } | undefined;
  /** Who asks for more or less than the topic's durability; undefined: nobody. */
  #storedWaiters: Readonly<Record<Durability, OffsetWaiters>> | undefined;
  #stopped: XylemError | undefined;
  #isReleased = false;

  constructor(held: number) {
    this.#held = held;
  }

  /** What this replica has as durably as the topic asks. */
  get held(): number {
    return this.#held;
  }

  /** Set once the partition can not be used any more. */
  get stopped(): XylemError | undefined {
    return this.#stopped;
  }

  /** Somebody waits to be told of something. */
  get isWatched(): boolean {
    const isAwaited = this.#waiters.count > 0 || this.#storedWaiters !== undefined;
    return isAwaited || this.#listeners.size > 0 || this.#writable !== undefined;
  }

  /** Calls back once `held` has reached `offset`, or with why it will not. */
  whenHeld(offset: number, done: (error?: Error) => void): void {
    if (this.#held >= offset) done();
    else if (this.#stopped !== undefined) done(this.#stopped);
    else if (this.#isReleased) done(closedError());
    else this.#waiters.add(offset, done);
  }

  /** As `whenHeld`, for what is written or flushed. */
  whenStored(
    marks: StoredMarks,
    { offset, durability }: { offset: number; durability: Durability },
    done: (error?: Error) => void,
  ): void {
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
    this.#waiters.advance(held);
    this.tell();
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
    this.#waiters.failAbove(written, error);
    this.#failStored(written, error);
    this.letWrite();
  }

  stop(error: XylemError): void {
    this.#stopped = error;
    this.#waiters.failAbove(this.#held, error);
    this.#failStored(-1, error);
    this.letWrite();
    this.tell();
  }

  /** The partition is closed: nobody is told anything any more. */
  release(): void {
    this.#isReleased = true;
    this.#waiters.failAbove(-1, closedError());
    this.#failStored(-1, closedError());
    this.letWrite();
    this.#listeners.clear();
    this.#patient.clear();
  }
}
