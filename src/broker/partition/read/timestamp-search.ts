import { MalformedError, XylemError } from "../../../base/errors.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import type { Compression } from "../../../protocol/compression.ts";
import { currentMagic } from "../../../protocol/record-batch.ts";
import { decodeRecords, type LogRecord } from "../../../protocol/record.ts";
import { acrossReplacement } from "./across-replacement.ts";
import type { PartitionReader } from "./partition-reader.ts";
import type { TimestampedOffset } from "../partition-log.ts";
import type { SegmentList } from "../segment/segment-list.ts";

export interface SearchBounds {
  readonly logStart: number;
  readonly upTo: number;
}

/** One read of a search. */
const readBytes = 256 * 1024;
/** A batch whose records decompress to more is not opened: the loop would stand still for it. */
const openedBytesMax = 64 * 1024 * 1024;

/** Finds records by their time (semantics.md 4). */
export class TimestampSearch {
  readonly #segments: SegmentList;
  readonly #reader: PartitionReader;
  readonly #compression: Compression;

  constructor(segments: SegmentList, reader: PartitionReader, compression: Compression) {
    this.#segments = segments;
    this.#reader = reader;
    this.#compression = compression;
  }

  /** The first record at or after `timestampMs`. */
  async findFirst(
    timestampMs: number,
    bounds: SearchBounds,
  ): Promise<TimestampedOffset | undefined> {
    return acrossReplacement(() => this.#findFirst(timestampMs, bounds));
  }

  /** The first record with the largest timestamp. */
  async findLargest(bounds: SearchBounds): Promise<TimestampedOffset | undefined> {
    return acrossReplacement(() => this.#findLargest(bounds));
  }

  async #findFirst(
    timestampMs: number,
    bounds: SearchBounds,
  ): Promise<TimestampedOffset | undefined> {
    for (const segment of this.#segments.all) {
      if (segment.endOffset <= bounds.logStart || segment.baseOffset >= bounds.upTo) continue;
      if ((await segment.largestTimestampMs()) < timestampMs) continue;
      const indexed = await segment.findOffsetByTime(timestampMs);
      const from = Math.max(indexed, bounds.logStart);
      const until = Math.min(bounds.upTo, segment.endOffset);
      const found = await this.#scan(from, { ...bounds, upTo: until }, timestampMs);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #findLargest(bounds: SearchBounds): Promise<TimestampedOffset | undefined> {
    let largestMs = -1;
    for (const segment of this.#segments.all) {
      if (segment.endOffset <= bounds.logStart) continue;
      largestMs = Math.max(largestMs, await segment.largestTimestampMs());
    }
    return largestMs < 0 ? undefined : this.#findFirst(largestMs, bounds);
  }

  async #scan(
    from: number,
    bounds: SearchBounds,
    timestampMs: number,
  ): Promise<TimestampedOffset | undefined> {
    const options = { sizeBytesMax: readBytes, wholeFirst: true, upTo: bounds.upTo };
    for (let offset = from; offset < bounds.upTo;) {
      const { chunks } = await this.#reader.read(offset, options);
      if (chunks.length === 0) return undefined;
      for (const chunk of chunks) {
        const walk = new BatchWalk(chunk, 0, 0);
        for (; walk.look() === "batch"; walk.advance()) {
          const found = this.#findIn(walk, bounds.logStart, timestampMs);
          if (found !== undefined) return found;
        }
        offset = walk.offsetMin;
      }
    }
    return undefined;
  }

  #findIn(walk: BatchWalk, logStart: number, timestampMs: number): TimestampedOffset | undefined {
    if (walk.maxTimestampMs < timestampMs) return undefined;
    const leaderEpoch = walk.leaderEpoch;
    // An old message is one record, or a wrapper whose last record is the offset it shows.
    if (walk.magic !== currentMagic) {
      return { offset: walk.lastOffset, timestampMs: walk.maxTimestampMs, leaderEpoch };
    }
    const records = this.#open(walk);
    if (records === undefined) {
      const offset = Math.max(walk.baseOffset, logStart);
      return { offset, timestampMs: walk.maxTimestampMs, leaderEpoch };
    }
    for (const record of records) {
      const time = Number(record.timestampMs);
      if (time >= timestampMs && record.offset >= logStart) {
        return { offset: record.offset, timestampMs: time, leaderEpoch };
      }
    }
    return undefined;
  }

  /** Undefined: what a client compressed is no records, or too much; it was stored as it came. */
  #open(walk: BatchWalk): readonly LogRecord[] | undefined {
    const options = { compression: this.#compression, sizeBytesMax: openedBytesMax };
    try {
      return decodeRecords(walk.batch, options);
    } catch (error) {
      const isTooLarge = error instanceof XylemError && error.code === "MESSAGE_TOO_LARGE";
      if (isTooLarge || error instanceof MalformedError) return undefined;
      throw error;
    }
  }
}
