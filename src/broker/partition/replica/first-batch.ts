import type { PartitionContext } from "../partition-context.ts";
import { findCut } from "../copies/find-cut.ts";
import type { SegmentList } from "../segment/segment-list.ts";

/** Where the first batch of a log begins that is not wholly below the log start. */
export class FirstBatch {
  readonly #segments: SegmentList;
  readonly #context: Pick<PartitionContext, "crc32c" | "log">;
  #known = { logStart: -1, begin: -1, replacementCount: 0 };
  #isLooking = false;

  constructor(segments: SegmentList, context: Pick<PartitionContext, "crc32c" | "log">) {
    this.#segments = segments;
    this.#context = context;
  }

  /** At most `logStart`. Undefined: it is being looked for, to be asked again. */
  find(logStart: number): number | undefined {
    const first = this.#segments.first?.baseOffset ?? logStart;
    if (first >= logStart) return logStart;
    const { begin, replacementCount, ...known } = this.#known;
    const isKnown = known.logStart === logStart;
    if (isKnown && replacementCount === this.#segments.replacementCount) return begin;
    if (!this.#isLooking) void this.#look(logStart);
    return undefined;
  }

  async #look(logStart: number): Promise<void> {
    this.#isLooking = true;
    try {
      const { replacementCount } = this.#segments;
      const begin = await this.#search(logStart);
      this.#known = { logStart, begin, replacementCount };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#context.log.warn("a log's first batch can not be found", { logStart, why });
    } finally {
      this.#isLooking = false;
    }
  }

  async #search(logStart: number): Promise<number> {
    const segment = this.#segments.all[this.#segments.findIndex(logStart)];
    if (segment === undefined || segment.baseOffset >= logStart) return logStart;
    const { nextOffset = logStart } = await findCut(segment, logStart, this.#context.crc32c);
    return Math.min(logStart, nextOffset);
  }
}
