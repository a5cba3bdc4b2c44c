import type { Clock } from "../../base/clock.ts";
import type { StopSignal } from "../../base/stop-signal.ts";
import { type AnswerRoom, recordOverheadBytes } from "../records/answer-room.ts";
import { contentBytes, type StoredRecord } from "../records/stored-record.ts";
import type { FollowEnd, Following, FollowMove } from "./following.ts";

export interface FollowedPageLimits {
  /** Records, at least 1. */
  readonly limit: number;
  /** Of keys, values and headers; the last record may go past it, it comes whole. */
  readonly maxBytes: number;
  /** How long it waits for a record while there is none; 0: not at all. */
  readonly waitMs: number;
  /** Aborted: the answer is what there is so far. */
  readonly signal?: StopSignal | undefined;
  /** Where the records count; absent: nowhere. */
  readonly room?: AnswerRoom | undefined;
}

export interface FollowedPage {
  readonly records: readonly StoredRecord[];
  readonly moved: readonly FollowMove[];
  readonly ended: readonly FollowEnd[];
}

/**
 * A page of what a live reader has next, its partitions in turn; afterwards `following.cursor()` is
 * behind it. Ends early when news, or a filter that finds nothing, are to be told.
 */
export async function readFollowed(
  following: Following,
  clock: Clock,
  limits: FollowedPageLimits,
): Promise<FollowedPage> {
  const records: StoredRecord[] = [];
  const page = { records, moved: [] as FollowMove[], ended: [] as FollowEnd[] };
  const patience = new Patience(clock, limits);
  let bytesLeft = limits.maxBytes;
  while (records.length < limits.limit && bytesLeft > 0) {
    const slice = { records: limits.limit - records.length, bytes: bytesLeft };
    const found = await following.next(slice, patience);
    if (found === undefined) break;
    let sizeBytes = 0;
    for (const record of found.records) sizeBytes += contentBytes(record);
    bytesLeft -= sizeBytes;
    limits.room?.take(sizeBytes + found.records.length * recordOverheadBytes);
    records.push(...found.records);
    page.moved.push(...found.moved);
    page.ended.push(...found.ended);
    if (found.records.length === 0) break;
    patience.end();
  }
  return page;
}

/** Lets a reader wait until a time, the outer signal, or until there is something to answer. */
class Patience implements StopSignal {
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #outer: StopSignal | undefined;
  #mayWait = true;
  #isDone = false;
  #leave: (() => void) | undefined;

  constructor(clock: Clock, { waitMs, signal }: FollowedPageLimits) {
    this.#clock = clock;
    this.#endMs = clock.monotonicMs() + waitMs;
    this.#outer = signal;
  }

  /** From here on nothing is waited for; what is there is still read. */
  end(): void {
    this.#mayWait = false;
  }

  get aborted(): boolean {
    return this.#isDone || this.#outer?.aborted === true;
  }

  /** Called by who is about to wait: nothing is there now. */
  addEventListener(_type: "abort", listener: () => void): void {
    const stop = (): void => {
      this.#isDone = true;
      listener();
    };
    const leftMs = this.#mayWait ? this.#endMs - this.#clock.monotonicMs() : 0;
    if (leftMs <= 0) {
      // The caller waits as soon as this returns.
      void Promise.resolve().then(stop);
      return;
    }
    const cancel = this.#clock.schedule(leftMs, stop);
    this.#outer?.addEventListener("abort", stop, { once: true });
    this.#leave = () => {
      cancel();
      this.#outer?.removeEventListener("abort", stop);
    };
  }

  removeEventListener(): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}
