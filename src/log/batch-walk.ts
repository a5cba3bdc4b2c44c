import { readInt32, readInt64 } from "../base/bytes.ts";
import { type Crc32c, portableCrc32 } from "../base/crc32c.ts";
import {
  batchBits,
  batchFields,
  batchHeaderBytes,
  batchOverheadBytes,
  batchPrefixBytes,
  currentMagic,
  RecordBatch,
} from "../protocol/record-batch.ts";

/**
 * What lies at the walk's position. "batch": a sane head and all its bytes; "short": `sizeBytes`
 * are needed and fewer are there; "bad": no batch begins here; "end": no byte is left.
 */
export type Sight = "batch" | "short" | "bad" | "end";

/** Sizes of the smallest message of the two old formats, offset and size included. */
const legacyBytesMin = [26, 34] as const;
const legacyCrcPosition = 12;

/**
 * Goes over stored batches of any magic, and judges each by what it says of itself: size, format,
 * offsets that ascend. Whether its sum holds is asked separately, as it costs a pass over it.
 */
export class BatchWalk {
  readonly bytes: Uint8Array;
  position: number;
  /** No batch from here on may begin below this offset. */
  offsetMin: number;
  sizeBytes = 0;
  baseOffset = -1;
  lastOffset = -1;
  magic = -1;

  constructor(bytes: Uint8Array, position: number, offsetMin: number) {
    this.bytes = bytes;
    this.position = position;
    this.offsetMin = offsetMin;
  }

  /** Looks at the batch at `position`; "batch" and "short" set the fields. */
  look(): Sight {
    const { bytes, position } = this;
    const left = bytes.length - position;
    if (left === 0) return "end";
    this.sizeBytes = batchHeaderBytes;
    if (left < batchPrefixBytes) return "short";
    this.sizeBytes = readInt32(bytes, position + batchFields.batchLength) + batchOverheadBytes;
    this.magic = bytes[position + batchFields.magic] as number;
    const base = readInt64(bytes, position + batchFields.baseOffset);
    if (typeof base === "bigint" || base < this.offsetMin) return "bad";
    this.baseOffset = base;
    if (this.magic !== currentMagic) return this.#lookAtLegacy(left);
    if (this.sizeBytes < batchHeaderBytes) return "bad";
    if (left < batchHeaderBytes) return "short";
    const lastOffsetDelta = readInt32(bytes, position + batchFields.lastOffsetDelta);
    if (lastOffsetDelta < 0) return "bad";
    this.lastOffset = base + lastOffsetDelta;
    return this.sizeBytes > left ? "short" : "batch";
  }

  /** Whether the sum of the batch in sight holds. */
  isIntact(crc32c: Crc32c): boolean {
    if (this.magic === currentMagic) return this.batch.isCrcValid(crc32c);
    const { bytes, position, sizeBytes } = this;
    const sum = readInt32(bytes, position + legacyCrcPosition) >>> 0;
    return (
      portableCrc32(bytes.subarray(position + batchFields.magic, position + sizeBytes)) === sum
    );
  }

  /**
   * Whether the offsets of the batch in sight can be true. Its sum does not cover them: they must
   * go on where the batch before ended or, after a gap, end before the batch behind begins, of
   * which there may be none when `endOffset` says where the segment ends. What lies behind is
   * itself wrong when it is no batch, or leaves this one no room wherever it began. Undefined:
   * what is behind it is not in the bytes.
   */
  fits(endOffset: number | undefined): boolean | undefined {
    if (this.baseOffset === this.offsetMin) return true;
    const behind = new BatchWalk(this.bytes, this.position + this.sizeBytes, 0);
    if (behind.look() === "bad") return endOffset === undefined || this.lastOffset < endOffset;
    if (behind.baseOffset >= 0) {
      const room = behind.baseOffset - this.offsetMin;
      const span = this.lastOffset + 1 - this.baseOffset;
      return this.lastOffset < behind.baseOffset || room < span;
    }
    if (endOffset === undefined) return undefined;
    return this.lastOffset < endOffset;
  }

  /** Goes past the batch in sight. */
  advance(): void {
    this.position += this.sizeBytes;
    this.offsetMin = this.lastOffset + 1;
  }

  /** The batch in sight, of magic 2. */
  get batch(): RecordBatch {
    return new RecordBatch(this.bytes, this.position);
  }

  get isControl(): boolean {
    return this.magic === currentMagic && this.batch.isControl;
  }

  /** Its largest timestamp as the header says; -1 when it has none that a double can hold. */
  get maxTimestampMs(): number {
    if (this.magic === 0) return -1;
    const field = this.magic === 1 ? legacyTimestampPosition : batchFields.maxTimestamp;
    const timestamp = readInt64(this.bytes, this.position + field);
    return typeof timestamp === "number" ? timestamp : -1;
  }

  /** -1 for the old formats, which have none. */
  get leaderEpoch(): number {
    if (this.magic !== currentMagic) return -1;
    return readInt32(this.bytes, this.position + batchFields.partitionLeaderEpoch);
  }

  /** An old message is its own batch; its offset, if compressed, is that of its last record. */
  #lookAtLegacy(left: number): Sight {
    const sizeBytesMin = legacyBytesMin[this.magic];
    if (sizeBytesMin === undefined || this.sizeBytes < sizeBytesMin) return "bad";
    this.lastOffset = this.baseOffset;
    return this.sizeBytes > left ? "short" : "batch";
  }
}

const legacyTimestampPosition = 18;

/** No batch can be further from the offset that is wanted next than int32 deltas reach. */
const offsetGapMax = 2 ** 31;
const codecMax = 4;

/**
 * The first position in [from, to) where a batch of magic 2 may begin that goes on at or after
 * `offsetMin`; -1 when there is none. Only its head is judged, which must lie in `bytes`.
 */
export function findBatchHead(
  bytes: Uint8Array,
  range: { from: number; to: number },
  offsetMin: number,
): number {
  const to = Math.min(range.to, bytes.length - batchHeaderBytes + 1);
  for (let at = range.from; at < to; at += 1) {
    if (bytes[at + batchFields.magic] !== currentMagic) continue;
    if (isPlausibleHead(bytes, at, offsetMin)) return at;
  }
  return -1;
}

function isPlausibleHead(bytes: Uint8Array, at: number, offsetMin: number): boolean {
  const base = readInt64(bytes, at + batchFields.baseOffset);
  if (typeof base === "bigint" || base < offsetMin || base > offsetMin + offsetGapMax) return false;
  const sizeBytes = readInt32(bytes, at + batchFields.batchLength) + batchOverheadBytes;
  const epoch = readInt32(bytes, at + batchFields.partitionLeaderEpoch);
  const lastOffsetDelta = readInt32(bytes, at + batchFields.lastOffsetDelta);
  const recordCount = readInt32(bytes, at + batchFields.recordCount);
  if (sizeBytes < batchHeaderBytes || epoch < -1 || lastOffsetDelta < 0) return false;
  if (recordCount < 0 || recordCount > lastOffsetDelta + 1) return false;
  const codec = (bytes[at + batchFields.attributes + 1] as number) & batchBits.codec;
  return codec <= codecMax;
}
