import { readInt32, readInt64 } from "../../base/bytes.ts";
import type { BatchWalk } from "../../log/batch-walk.ts";
import { offsetEntryBytes } from "../../log/offset-index.ts";
import { timeEntryBytes } from "../../log/time-index.ts";

/** What is wrong with an index, and where in its file. */
export interface IndexFault {
  readonly position: number;
  readonly why: string;
  /** It is about the end of the file, which a crash may leave behind or ahead of the log. */
  readonly isTail: boolean;
}

/** Goes along the batches of a segment with its index, entry by entry. */
export interface IndexCheck {
  readonly faults: readonly IndexFault[];
  visit(walk: BatchWalk, position: number): void;
  /** Bytes in [position, endPosition) are damaged: entries that point there can not be judged. */
  skip(position: number, endPosition: number): void;
  finish(): void;
}

/** Of an index that is wrong throughout, so many faults are named. */
const faultsMax = 10;

abstract class EntryCheck {
  readonly faults: IndexFault[] = [];
  protected readonly bytes: Uint8Array;
  protected readonly baseOffset: number;
  protected readonly entriesEnd: number;
  protected at = 0;

  constructor(bytes: Uint8Array, baseOffset: number, entryBytes: number) {
    this.bytes = bytes;
    this.baseOffset = baseOffset;
    const rest = bytes.length % entryBytes;
    const whole = bytes.length - rest;
    if (rest > 0) this.addFault(`${rest} bytes are left over after the last entry`, whole, true);
    this.entriesEnd = withoutZeros(bytes, whole, entryBytes);
    if (this.entriesEnd < whole) {
      this.addFault("its end is zeros and was never cut off", this.entriesEnd, true);
    }
  }

  protected addFault(why: string, position = this.at, isTail = false): void {
    if (this.faults.length < faultsMax) this.faults.push({ position, why, isTail });
  }
}

/** Where the entries end: a file made in its full size ends in zeros. A lone entry may be zeros. */
function withoutZeros(bytes: Uint8Array, whole: number, entryBytes: number): number {
  if (whole === entryBytes) return whole;
  let end = whole;
  while (end > 0 && bytes.subarray(end - entryBytes, end).every((byte) => byte === 0)) {
    end -= entryBytes;
  }
  return end;
}

/** An entry names the last offset of a batch, and the position of it (records.md, Index files). */
export class OffsetIndexCheck extends EntryCheck implements IndexCheck {
  #last = -1;
  /** An entry of an append of several batches names the first's position, the last's offset. */
  #awaited = -1;
  #awaitedAt = 0;

  constructor(bytes: Uint8Array, baseOffset: number) {
    super(bytes, baseOffset, offsetEntryBytes);
  }

  visit(walk: BatchWalk, position: number): void {
    this.#refuseBelow(position);
    if (this.at < this.entriesEnd && this.#position() === position) {
      const offset = this.#begin();
      if (offset < walk.lastOffset) {
        this.addFault(`offset ${offset} is not the last of the batch at ${position}`);
      } else this.#await(offset);
      this.at += offsetEntryBytes;
    }
    if (walk.lastOffset === this.#awaited) this.#awaited = -1;
  }

  skip(position: number, endPosition: number): void {
    this.#refuseBelow(position);
    // The batch that the entry before waits for may be among what is damaged.
    this.#awaited = -1;
    while (this.at < this.entriesEnd && this.#position() < endPosition) {
      this.#begin();
      this.at += offsetEntryBytes;
    }
    this.#awaited = -1;
  }

  finish(): void {
    this.#settle();
    if (this.at >= this.entriesEnd) return;
    this.addFault(`position ${this.#position()} is behind the log's end`, this.at, true);
  }

  /** Entries that point between batches. */
  #refuseBelow(position: number): void {
    while (this.at < this.entriesEnd && this.#position() < position) {
      this.#begin();
      this.addFault(`no batch lies at position ${this.#position()}`);
      this.at += offsetEntryBytes;
    }
  }

  #await(offset: number): void {
    this.#awaited = offset;
    this.#awaitedAt = this.at;
  }

  /** The entry before must have met its offset by now. */
  #settle(): void {
    if (this.#awaited < 0) return;
    this.addFault(`offset ${this.#awaited} is the last of no batch there`, this.#awaitedAt);
    this.#awaited = -1;
  }

  /** The offset of the entry that is looked at. */
  #begin(): number {
    this.#settle();
    const offset = this.baseOffset + readInt32(this.bytes, this.at);
    if (offset <= this.#last) this.addFault(`offset ${offset} comes after ${this.#last}`);
    this.#last = offset;
    return offset;
  }

  #position(): number {
    return readInt32(this.bytes, this.at + 4);
  }
}

/** An entry names the largest timestamp of all up to an offset, and that offset. */
export class TimeIndexCheck extends EntryCheck implements IndexCheck {
  /** Nobody says that whoever wrote it gives every segment its largest timestamp. */
  mayBeEmpty = true;
  #last: { timestamp: number | bigint; offset: number } = { timestamp: -1, offset: -1 };
  #largestMs = -1;
  /** What was damaged may have had the timestamp of an entry. */
  #isPartial = false;

  constructor(bytes: Uint8Array, baseOffset: number) {
    super(bytes, baseOffset, timeEntryBytes);
  }

  visit(walk: BatchWalk): void {
    const before = this.#largestMs;
    this.#largestMs = Math.max(before, walk.maxTimestampMs);
    for (; this.at < this.entriesEnd && this.#offset() <= walk.lastOffset;) {
      const { timestamp, offset } = this.#begin();
      const isOfBatch = offset === walk.lastOffset || walk.magic < 2 || offset >= walk.baseOffset;
      const largest = isOfBatch ? this.#largestMs : before;
      const isTrue = this.#isPartial ? timestamp >= largest : timestamp === largest;
      const isNamed = walk.magic < 2 || !isOfBatch || timestamp === walk.maxTimestampMs;
      if (isTrue && !isNamed) {
        this.addFault(`the batch at offset ${offset} does not have timestamp ${timestamp}`);
      } else if (!isTrue) {
        const why = `timestamp ${timestamp} at offset ${offset}, where the largest is ${largest}`;
        this.addFault(why);
      }
      this.at += timeEntryBytes;
    }
  }

  skip(): void {
    this.#isPartial = true;
  }

  finish(): void {
    if (this.#isPartial) return;
    if (this.at < this.entriesEnd) {
      this.addFault(`offset ${this.#offset()} is behind the log's end`, this.at, true);
    } else if (this.#last.timestamp !== this.#largestMs && (this.at > 0 || !this.mayBeEmpty)) {
      this.addFault(`it does not end with the largest timestamp ${this.#largestMs}`, this.at, true);
    }
  }

  #offset(): number {
    return this.baseOffset + readInt32(this.bytes, this.at + 8);
  }

  #begin(): { timestamp: number | bigint; offset: number } {
    const entry = { timestamp: readInt64(this.bytes, this.at), offset: this.#offset() };
    const last = this.#last;
    if (entry.timestamp <= last.timestamp || entry.offset < last.offset) {
      this.addFault(`timestamp ${entry.timestamp} comes after ${last.timestamp}`);
    }
    this.#last = entry;
    return entry;
  }
}
