import { assert } from "../../../base/assert.ts";
import { Turns } from "../../turns.ts";
import type { Segment } from "./segment.ts";

/** The segments of one partition, oldest first; the last one is appended to. */
export class SegmentList {
  #segments: Segment[];
  #sizeBytes: number;

  /** As of TopicKey; what no batch holds between two segments was lost. */
  #isDense: boolean;
  /**
   * What must not happen at a time. "change": segments are removed or replaced. "swap", taken
   * before it: segments are replaced, copied, or indexed anew.
   */
  readonly turns = new Turns();
  /** How often `replace` was called. */
  #replacementCount = 0;

  constructor(segments: Segment[] = [], { isDense }: { isDense: boolean } = { isDense: false }) {
    this.#isDense = isDense;
    this.#segments = segments;
    this.#sizeBytes = segments.reduce((total, segment) => total + segment.sizeBytes, 0);
  }

  get isDense(): boolean {
    return this.#isDense;
  }

  get replacementCount(): number {
    return this.#replacementCount;
  }

  /** Offsets may be in no batch from now on. */
  allowGaps(): void {
    this.#isDense = false;
  }

  /** Log bytes of all segments, as far as written. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get all(): readonly Segment[] {
    return this.#segments;
  }

  get first(): Segment | undefined {
    return this.#segments[0];
  }

  get last(): Segment | undefined {
    return this.#segments.at(-1);
  }

  /** The oldest closed one whose index files are not whole; a disk was full when it was closed. */
  get firstUnsealed(): Segment | undefined {
    return this.#segments.find((segment) => !segment.isSealed && segment !== this.last);
  }

  get active(): Segment {
    const last = this.#segments.at(-1);
    assert(last !== undefined, "a partition is appended to once it has a segment");
    return last;
  }

  add(segment: Segment): void {
    const { last } = this;
    assert(last === undefined || segment.baseOffset > last.baseOffset, "segments ascend");
    if (last !== undefined) last.endOffset = segment.baseOffset;
    this.#segments.push(segment);
  }

  grow(segment: Segment, sizeBytes: number, endOffset: number): void {
    segment.sizeBytes += sizeBytes;
    segment.endOffset = endOffset;
    this.#sizeBytes += sizeBytes;
  }

  /** Takes the oldest `count` out. */
  removeFirst(count: number): Segment[] {
    const removed = this.#segments.slice(0, count);
    this.#segments = this.#segments.slice(count);
    for (const segment of removed) this.#sizeBytes -= segment.sizeBytes;
    return removed;
  }

  /** The one that goes on where `segment`, which may be gone by now, ends. */
  findNext(segment: Segment): Segment | undefined {
    const next = this.#segments[this.findIndex(segment.endOffset)];
    return next === segment ? undefined : next;
  }

  /** Whether these are in the list, one behind the other. */
  holds(run: readonly Segment[]): boolean {
    const first = this.#segments.indexOf(run[0] as Segment);
    return first >= 0 && run.every((segment, at) => this.#segments[first + at] === segment);
  }

  /** Puts a segment in the place of a run that the list holds. */
  replace(run: readonly Segment[], segment: Segment): void {
    assert(this.holds(run) && run.at(-1) !== this.last, "closed neighbours are replaced");
    const first = this.#segments.indexOf(run[0] as Segment);
    this.#segments = this.#segments.toSpliced(first, run.length, segment);
    this.#replacementCount += 1;
    this.#sizeBytes += segment.sizeBytes;
    for (const { sizeBytes } of run) this.#sizeBytes -= sizeBytes;
  }

  /** Puts others, whose batches end earlier, in the place of those from an index on. */
  replaceFrom(first: number, segments: readonly Segment[]): void {
    const old = this.#segments.slice(first);
    this.#segments = [...this.#segments.slice(0, first), ...segments];
    this.#replacementCount += 1;
    for (const { sizeBytes } of segments) this.#sizeBytes += sizeBytes;
    for (const { sizeBytes } of old) this.#sizeBytes -= sizeBytes;
  }

  /** Index of the segment whose range holds `offset`; -1 below the first. */
  findIndex(offset: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as Segment).baseOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
