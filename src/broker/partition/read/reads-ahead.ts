import { assert } from "../../../base/assert.ts";
import type { Clock } from "../../../base/clock.ts";
import { batchHeaderBytes } from "../../../protocol/record-batch.ts";
import { after } from "../after.ts";
import type { Segment } from "../segment/segment.ts";
import type { ReadBuffers } from "./read-buffers.ts";

/** What nobody has asked for this long may go for another read. */
const staleMs = 1_000;

/**
 * Reads of the disk for readers that go on, begun before they ask, at most so many bytes together.
 * Only bytes that are written are read, and those never change; they are checked when they are
 * taken, as any others from the disk. When the bound is reached a reader does without, unless
 * others have left: to drop what is still wanted would be work for nothing.
 */
export class ReadsAhead {
  readonly #bytesMax: number;
  readonly #buffers: ReadBuffers;
  readonly #clock: Clock;
  #bytes = 0;
  /** Those that wait for their reader, oldest first. */
  readonly #waiting = new Set<ReadAhead>();

  /** 0: none is begun. */
  constructor(bytesMax: number, buffers: ReadBuffers, clock: Clock) {
    this.#bytesMax = bytesMax;
    this.#buffers = buffers;
    this.#clock = clock;
  }

  /** Memory that is held for readers, reads under way included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Undefined: there is nothing to read, no room for it, or it is not worth it. */
  begin(segment: Segment, position: number, wanted: number): ReadAhead | undefined {
    const length = readLength(segment, position, wanted);
    if (length <= 0 || !this.#makeRoom(length)) return undefined;
    const target = this.#buffers.take(length);
    if (target === undefined) return undefined;
    const read = new ReadAhead(this, target.length, this.#clock.monotonicMs());
    this.#bytes += read.sizeBytes;
    this.#waiting.add(read);
    read.fill(this.#read(segment, { position, length }, target));
    return read;
  }

  /** It waits no more: its bytes are the reader's, or nobody's. */
  forget(read: ReadAhead): void {
    assert(this.#waiting.delete(read), "a read ahead was taken twice");
    this.#bytes -= read.sizeBytes;
  }

  #read(
    segment: Segment,
    { position, length }: { readonly position: number; readonly length: number },
    target: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const reading = async (): Promise<Uint8Array> =>
      segment.log.use((file) => file.read(position, length, target));
    return reading().then(
      (bytes) => {
        if (bytes.buffer !== target.buffer) this.#buffers.giveBack(target);
        return bytes;
      },
      // The reader's own read meets whatever it was, and tells.
      () => undefined,
    );
  }

  #makeRoom(length: number): boolean {
    const bytesMax = this.#bytesMax - this.#buffers.sizeFor(length);
    for (const read of this.#waiting) {
      if (this.#bytes <= bytesMax) break;
      if (this.#clock.monotonicMs() - read.beganMs < staleMs) break;
      this.#drop(read);
    }
    return this.#bytes <= bytesMax;
  }

  #drop(read: ReadAhead): void {
    void after(read.take(), (bytes) => bytes && this.#buffers.lease(bytes)?.release());
  }
}

/** Bytes of a segment that were asked for ahead of a reader. */
export class ReadAhead {
  readonly sizeBytes: number;
  readonly beganMs: number;
  readonly #all: ReadsAhead;
  #bytes: Uint8Array | Promise<Uint8Array | undefined> | undefined;
  #isTaken = false;

  constructor(all: ReadsAhead, sizeBytes: number, beganMs: number) {
    this.#all = all;
    this.sizeBytes = sizeBytes;
    this.beganMs = beganMs;
  }

  fill(reading: Promise<Uint8Array | undefined>): void {
    this.#bytes = reading;
    void reading.then((bytes) => {
      if (!this.#isTaken) this.#bytes = bytes;
    });
  }

  get isWaiting(): boolean {
    return !this.#isTaken;
  }

  /** Gives its bytes away, once. Undefined: there are none, the reader reads for itself. */
  take(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (this.#isTaken) return undefined;
    this.#isTaken = true;
    this.#all.forget(this);
    const bytes = this.#bytes;
    this.#bytes = undefined;
    return bytes;
  }
}

/** What a read of `wanted` bytes takes from there: a head more, and no more than is written. */
export function readLength(segment: Segment, position: number, wanted: number): number {
  const left = segment.sizeBytes - position;
  return Math.min(left, Math.max(wanted, batchHeaderBytes) + batchHeaderBytes);
}
