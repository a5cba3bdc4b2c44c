import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import {
  type IncomingBatch,
  type SegmentHead,
  shouldRoll,
  shouldRollIdle,
} from "../../../log/segment-roll.ts";
import { segmentLimits } from "./segment-limits.ts";
import type { SegmentList } from "../segment/segment-list.ts";

/**
 * The active segment as it will be once all that is queued is written: where a new segment begins
 * is decided when offsets are given out, not when bytes reach the disk.
 */
export class AppendHead {
  readonly #segments: SegmentList;
  #head: SegmentHead | undefined;

  constructor(segments: SegmentList) {
    this.#segments = segments;
    this.reset();
  }

  /** Whether there is a segment, or one on its way. */
  get isThere(): boolean {
    return this.#head !== undefined;
  }

  get isEmpty(): boolean {
    return this.#head === undefined || this.#head.sizeBytes === 0;
  }

  /** Goes back to what is written. */
  reset(): void {
    this.#head = this.#segments.last?.head();
  }

  /** Whether the segment is old enough to be closed though nothing comes. */
  isDue(settings: TopicSettings, nowMs: number): boolean {
    if (this.#head === undefined) return false;
    return shouldRollIdle(this.#head, segmentLimits(settings, this.#head.baseOffset), nowMs);
  }

  startEmpty(baseOffset: number, createdMs: number): void {
    const nothing = { sizeBytes: 0, recordCount: 0, firstTimestampMs: -1 };
    this.#head = { baseOffset, createdMs, ...nothing, isIndexFull: false, endsInDamage: false };
  }

  /** Puts a batch in. Answers whether a new segment begins with it. */
  take(
    batch: IncomingBatch & { readonly baseOffset: number },
    settings: TopicSettings,
    nowMs: number,
  ): boolean {
    const isNew = this.isRollDue(batch, settings, nowMs);
    if (isNew || this.#head === undefined) this.startEmpty(batch.baseOffset, nowMs);
    const head = this.#head as SegmentHead;
    const isFirst = head.sizeBytes === 0;
    this.#head = {
      ...head,
      sizeBytes: head.sizeBytes + batch.sizeBytes,
      recordCount: batch.lastOffset + 1 - head.baseOffset,
      firstTimestampMs: isFirst ? batch.maxTimestampMs : head.firstTimestampMs,
    };
    return isNew;
  }

  /** Whether a new segment is to begin with this batch. */
  isRollDue(batch: IncomingBatch, settings: TopicSettings, nowMs: number): boolean {
    if (this.#head === undefined) return true;
    const isIndexFull = this.#isIndexFull(this.#head.baseOffset, settings["segment.index.bytes"]);
    const limits = segmentLimits(settings, this.#head.baseOffset);
    return shouldRoll({ ...this.#head, isIndexFull }, batch, limits, nowMs);
  }

  #isIndexFull(baseOffset: number, indexBytesMax: number): boolean {
    const { last } = this.#segments;
    if (last === undefined || last.baseOffset !== baseOffset) return false;
    return last.indexes.isFull(indexBytesMax);
  }
}
