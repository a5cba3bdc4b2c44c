import type { RetainedSegment } from "./retention-plan.ts";

/** One log of a stream: its closed segments, oldest first; of those only, what may go goes. */
export interface BudgetedLog {
  readonly closed: readonly RetainedSegment[];
  /** Closed and active segments together. */
  readonly sizeBytes: number;
  readonly committed: number;
}

/** A topic as a budget sees it: its partitions. */
export interface BudgetedStream {
  readonly logs: readonly BudgetedLog[];
}

/** How many of the oldest segments of each log go, by stream and log. */
export type BudgetPlan = readonly (readonly number[])[];

/**
 * What brings streams that share a budget back to it: whole closed segments, always from the stream
 * that holds most, its oldest by time first. So a stream within an equal share loses nothing to
 * a loud neighbour. None is cut below half of an equal share: a segment too large for that stays
 * until enough has come after it.
 */
export function planBudget(streams: readonly BudgetedStream[], sizeBytesMax: number): BudgetPlan {
  const cuts = streams.map((stream) => new StreamCut(stream));
  const shareBytes = sizeBytesMax / Math.max(1, streams.length);
  let sizeBytes = cuts.reduce((sum, cut) => sum + cut.sizeBytes, 0);
  const open = new Set(cuts);
  while (sizeBytes > sizeBytesMax) {
    const largest = findLargest(open);
    if (largest === undefined) break;
    const freed = largest.takeOldest(shareBytes);
    if (freed === undefined) open.delete(largest);
    sizeBytes -= freed ?? 0;
  }
  return cuts.map(({ counts }) => counts);
}

/** A stream while segments are taken from it. */
class StreamCut {
  readonly counts: number[];
  readonly #logs: readonly BudgetedLog[];
  sizeBytes: number;

  constructor({ logs }: BudgetedStream) {
    this.#logs = logs;
    this.counts = logs.map(() => 0);
    this.sizeBytes = logs.reduce((sum, log) => sum + log.sizeBytes, 0);
  }

  /** Takes the oldest segment and answers its size; undefined: none may go. */
  takeOldest(shareBytes: number): number | undefined {
    const oldest = this.#oldest();
    if (oldest === undefined || this.sizeBytes <= shareBytes) return undefined;
    const { at, segment } = oldest;
    if (this.sizeBytes - segment.sizeBytes < shareBytes / 2) return undefined;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sizeBytes -= segment.sizeBytes;
    return segment.sizeBytes;
  }

  #oldest(): { readonly at: number; readonly segment: RetainedSegment } | undefined {
    let oldest: { readonly at: number; readonly segment: RetainedSegment } | undefined;
    for (const [at, { closed, committed }] of this.#logs.entries()) {
      const segment = closed[this.counts[at] ?? 0];
      if (segment === undefined || segment.endOffset > committed) continue;
      if (oldest === undefined || newestMs(segment) < newestMs(oldest.segment)) {
        oldest = { at, segment };
      }
    }
    return oldest;
  }
}

function findLargest(cuts: Iterable<StreamCut>): StreamCut | undefined {
  let largest: StreamCut | undefined;
  for (const cut of cuts) {
    if (largest === undefined || cut.sizeBytes > largest.sizeBytes) largest = cut;
  }
  return largest;
}

/** As for retention by age: without a record's time the file's counts. */
function newestMs({ largestTimestampMs, modifiedMs }: RetainedSegment): number {
  return largestTimestampMs >= 0 ? largestTimestampMs : modifiedMs;
}
