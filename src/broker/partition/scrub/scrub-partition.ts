import type { BatchWalk } from "../../../log/batch-walk.ts";
import { currentMagic } from "../../../protocol/record-batch.ts";
import type { Finding } from "../../scrub/finding.ts";
import type { Pacer } from "../compaction/pacer.ts";
import type { CopySource } from "../copies/copy-partition.ts";
import type { Partition } from "../partition.ts";
import { SegmentReplaced } from "../read/across-replacement.ts";
import { noteMissing } from "../read/missing-offsets.ts";
import { findDamage, knownDamage } from "../segment/find-damage.ts";
import { type ScanFrom, scanSegment } from "../segment/scan-segment.ts";
import type { Damage, Segment } from "../segment/segment.ts";
import { PacedSegment } from "./paced-segment.ts";

export interface ScrubWatch {
  readonly pacer: Pacer;
  readonly report: (finding: Finding) => void;
}

export interface ScrubbedCounts {
  segments: number;
  batches: number;
  records: number;
  bytes: number;
}

/**
 * Checks every batch that a partition had written when it began, while it is in use. Damage is
 * kept, told and counted as when a reader meets it. What is removed meanwhile is passed over.
 */
export async function scrubPartition(
  partition: Partition,
  watch: ScrubWatch,
): Promise<ScrubbedCounts> {
  const counts = { segments: 0, batches: 0, records: 0, bytes: 0 };
  const source = partition.copySource(0);
  const { segments } = source;
  const upTo = segments.last?.endOffset ?? 0;
  let next = 0;
  while (next < upTo) {
    const segment = segments.all[Math.max(0, segments.findIndex(next))];
    if (segment === undefined) break;
    const { endOffset } = segment;
    try {
      add(counts, await new SegmentScrub(segment, partition, source, watch).run());
    } catch (error) {
      if (error instanceof SegmentReplaced) {
        await error.until;
        continue;
      }
      if (!segment.log.isRetired) throw error;
    }
    // A removed one may have ended below the others.
    next = Math.max(next + 1, endOffset);
  }
  return counts;
}

/** One segment, up to where it was written when the scrub came to it. */
class SegmentScrub {
  readonly #segment: Segment;
  readonly #partition: Partition;
  readonly #source: CopySource;
  readonly #watch: ScrubWatch;
  readonly #counts = { segments: 1, batches: 0, records: 0, bytes: 0 };

  constructor(segment: Segment, partition: Partition, source: CopySource, watch: ScrubWatch) {
    this.#segment = segment;
    this.#partition = partition;
    this.#source = source;
    this.#watch = watch;
  }

  async run(): Promise<ScrubbedCounts> {
    const segment = this.#segment;
    const { context, segments, epochs } = this.#source;
    const { baseOffset: offsetMin, endOffset } = segment;
    const file = new PacedSegment(segment, this.#watch.pacer);
    const { isDense } = segments;
    const start = { position: 0, offsetMin, isExact: true, sumsFromOffset: 0 };
    const { logStart: deletedBelow } = this.#partition;
    let from: ScanFrom = { ...start, endOffset, isDense, epochs, deletedBelow };
    for (;;) {
      const end = await scanSegment(file, from, context.crc32c, (walk) => this.#count(walk));
      const { position } = end;
      if (end.damage === undefined) {
        this.#checkEnd(position, end.offsetMin, endOffset);
        break;
      }
      const damage = await segment.log.use((log) => findDamage(segment, log, end, context));
      this.#tell(damage, end.damage);
      if (damage.endPosition >= file.sizeBytes) break;
      from = { ...from, position: damage.endPosition, offsetMin: damage.endOffset };
    }
    this.#counts.bytes = file.sizeBytes;
    return this.#counts;
  }

  #count(walk: BatchWalk): void {
    this.#counts.batches += 1;
    this.#counts.records += walk.magic === currentMagic ? walk.batch.recordCount : 1;
  }

  /** What lies between the last batch of a segment and the next one. */
  #checkEnd(position: number, offsetMin: number, endOffset: number): void {
    const { context, segments } = this.#source;
    if (!segments.isDense || offsetMin >= endOffset) return;
    if (this.#segment === segments.last || this.#segment.log.isRetired) return;
    const known = knownDamage(this.#segment, position, offsetMin);
    const damage = known ?? noteMissing(this.#segment, offsetMin, context);
    this.#tell(damage, "offsets are missing between two segments");
  }

  #tell(damage: Damage, why: string): void {
    const { path } = this.#segment.log;
    const { position, endPosition, firstOffset, endOffset } = damage;
    const isLoss = endOffset > firstOffset;
    this.#watch.report({
      kind: "damage",
      topic: this.#partition.topic,
      partition: this.#partition.index,
      file: path.slice(path.lastIndexOf("/") + 1),
      position,
      sizeBytes: endPosition - position,
      why,
      ...(isLoss && { firstLostOffset: firstOffset, lastLostOffset: endOffset - 1 }),
    });
  }
}

function add(total: ScrubbedCounts, more: ScrubbedCounts): void {
  total.segments += more.segments;
  total.batches += more.batches;
  total.records += more.records;
  total.bytes += more.bytes;
}
