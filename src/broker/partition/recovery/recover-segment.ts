import { assert } from "../../../base/assert.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import type { LeaderEpochs } from "../../../log/leader-epochs.ts";
import { OffsetIndex } from "../../../log/offset-index.ts";
import { SegmentIndexes } from "../../../log/segment-indexes.ts";
import { TimeIndex } from "../../../log/time-index.ts";
import { batchHeaderBytes, currentMagic } from "../../../protocol/record-batch.ts";
import type { DiskFile } from "../../ports/disk.ts";
import { areTimesWhole } from "../segment/find-head.ts";
import type { PartitionContext } from "../partition-context.ts";
import {
  findSoundBatch,
  scanSegment,
  type ScanEnd,
  type ScanFrom,
} from "../segment/scan-segment.ts";
import type { Segment } from "../segment/segment.ts";

export interface RecoveryRules {
  /** All below this offset was flushed. */
  readonly recoveryPoint: number;
  /** The last stop was a clean one: nothing can be torn. */
  readonly isClean: boolean;
  readonly intervalBytes: number;
  /** Whether a good batch that goes on at or after the offset begins in a later segment. */
  readonly goesOnLater: (offset: number, withinBytes: number) => Promise<boolean>;
  /** Of batches that were visited, and from the checkpoint. */
  readonly epochs: LeaderEpochs;
  /** As of ScanFrom. */
  readonly deletedBelow?: number;
  /** As of TopicKey. */
  readonly isDense: boolean;
  readonly visit: (walk: BatchWalk) => void;
}

export interface SegmentRecovery {
  /** The offset after the last good batch. */
  readonly endOffset: number;
  /** The tail was torn and is cut: nothing comes after this segment. */
  readonly isCut: boolean;
  /** It was more than the beginning of writes, which is all that a killed process leaves. */
  readonly hasLostPages: boolean;
}

/**
 * Reads the end of a segment: its indexes are resumed, every batch from the recovery point on is
 * checked, and a bad one is told apart: a torn tail is cut, damage is noted and left as it lies
 * (storage.md, promise 3). Leaves the segment active.
 */
export function recoverSegment(
  segment: Segment,
  rules: RecoveryRules,
  context: PartitionContext,
): Promise<SegmentRecovery> {
  return Promise.resolve(
    segment.log.use(async (file) => {
      segment.sizeBytes = file.sizeBytes;
      await readFirstTimestamp(segment, file);
      const resumed = await resumeIndexes(segment, file, rules, context);
      const recovery = new Recovery(segment, file, { rules, context });
      const found = await recovery.run(resumed);
      if (found !== undefined) return found;
      const strict = await resumeIndexes(segment, file, { ...rules, isStrict: true }, context);
      const again = (await recovery.run(strict)) ?? (await recovery.run(fromScratch(segment)));
      assert(again !== undefined, noEntry);
      return again;
    }),
  );
}

const noEntry = "a scan from the start has no index entry to disagree with";

interface Resumed {
  readonly indexes: SegmentIndexes;
  readonly from: ScanFrom;
  /** What the index says the first scanned batch ends at; undefined at the segment's start. */
  readonly entryOffset: number | undefined;
  readonly stored: { offsets: number; times: number } | undefined;
}

function fromScratch(segment: Segment): Resumed {
  const { baseOffset } = segment;
  const endOffset = gapBound(segment);
  return {
    indexes: new SegmentIndexes(baseOffset),
    from: { position: 0, offsetMin: baseOffset, isExact: true, sumsFromOffset: 0, endOffset },
    entryOffset: undefined,
    stored: undefined,
  };
}

/** A closed segment may lack batches up to its end; nothing would say so of the last one. */
function gapBound(segment: Segment): number {
  return isClosed(segment) ? segment.endOffset : -1;
}

const isClosed = (segment: Segment): boolean => segment.endOffset > segment.baseOffset;

/**
 * Trusts the entries of the index files up to the one the scan starts at; that one is dropped and
 * made again, which also proves it.
 */
async function resumeIndexes(
  segment: Segment,
  file: DiskFile,
  rules: RecoveryRules & { readonly isStrict?: boolean },
  context: PartitionContext,
): Promise<Resumed> {
  const { baseOffset, sizeBytes } = segment;
  const offsetBytes = await context.disk.readFile(segment.path(".index"));
  const timeBytes = await context.disk.readFile(segment.path(".timeindex"));
  if (offsetBytes === undefined || timeBytes === undefined) return fromScratch(segment);
  const { index: offsets } = OffsetIndex.parse(baseOffset, offsetBytes, sizeBytes);
  const { index: times } = TimeIndex.parse(baseOffset, timeBytes);
  const position = rules.isClean ? offsets.lastPosition : offsets.findPosition(rules.recoveryPoint);
  if (position === 0) return fromScratch(segment);
  while (offsets.lastPosition > position) offsets.truncateToPosition(offsets.lastPosition);
  const entryOffset = offsets.lastOffset;
  offsets.truncateToPosition(position);
  times.truncateToOffset(entryOffset);
  if (!(await areTimesWhole(file, offsets, times))) return fromScratch(segment);
  const offsetMin = Math.max(baseOffset, offsets.lastOffset + 1);
  const sumsFromOffset = rules.isClean || rules.isStrict === true ? 0 : rules.recoveryPoint;
  return {
    indexes: new SegmentIndexes(baseOffset, { offsets, times, logSizeBytes: position }),
    from: { position, offsetMin, isExact: false, sumsFromOffset, endOffset: gapBound(segment) },
    entryOffset,
    // The files of a closed segment may be shared: what was not right in them is made anew.
    stored: isClosed(segment) ? undefined : { offsets: offsets.count, times: times.count },
  };
}

async function readFirstTimestamp(segment: Segment, file: DiskFile): Promise<void> {
  const walk = new BatchWalk(await file.read(0, batchHeaderBytes), 0, segment.baseOffset);
  const sight = walk.look();
  const isThere =
    sight === "batch" || (sight === "short" && walk.bytes.length === batchHeaderBytes);
  segment.firstTimestampMs = isThere ? walk.maxTimestampMs : -1;
}

/** A position, and the offset behind all before it. */
type Place = Pick<ScanEnd, "position" | "offsetMin">;

class Recovery {
  readonly #segment: Segment;
  readonly #file: DiskFile;
  readonly #rules: RecoveryRules;
  readonly #context: PartitionContext;
  /** Behind it lie only batches behind gaps: without what follows they count for nothing. */
  #sure: Place = { position: 0, offsetMin: 0 };

  constructor(
    segment: Segment,
    file: DiskFile,
    how: { rules: RecoveryRules; context: PartitionContext },
  ) {
    this.#segment = segment;
    this.#file = file;
    this.#rules = how.rules;
    this.#context = how.context;
  }

  /**
   * Undefined: the index entry that was resumed from is wrong, or batches whose sums nobody checked
   * led to a place where none begins.
   */
  async run(resumed: Resumed): Promise<SegmentRecovery | undefined> {
    const { indexes } = resumed;
    const segment = this.#segment;
    segment.damages.length = 0;
    segment.activate(indexes, resumed.stored);
    const { epochs, isDense, deletedBelow = 0 } = this.#rules;
    let from: ScanFrom = { ...resumed.from, epochs, isDense, deletedBelow };
    let isProven = resumed.entryOffset === undefined;
    this.#sure = from;
    for (;;) {
      const end = await scanSegment(this.#file, from, this.#context.crc32c, (walk, position) => {
        const isFirst = position === from.position;
        isProven ||= isFirst && walk.lastOffset === resumed.entryOffset;
        if (isProven) this.#visit(walk, position, isFirst && !from.isExact);
      });
      if (!isProven) return undefined;
      const whole = { isCut: false, hasLostPages: false };
      if (end.damage === undefined) return { endOffset: end.offsetMin, ...whole };
      if (from.sumsFromOffset > 0) return undefined;
      const next = await this.#judge(end);
      if (next === undefined) return this.#cut(end);
      if (next.position === segment.sizeBytes) return { endOffset: next.offsetMin, ...whole };
      from = { ...from, ...next, isExact: true };
      this.#sure = next;
    }
  }

  #visit(walk: BatchWalk, position: number, isFirst: boolean): void {
    const { sizeBytes, baseOffset, lastOffset, maxTimestampMs } = walk;
    const batch = { position, sizeBytes, lastOffset, maxTimestampMs };
    this.#segment.indexes.add(batch, this.#rules.intervalBytes);
    this.#rules.visit(walk);
    // An old message that is compressed tells of its last offset only.
    const isNext = baseOffset === walk.offsetMin || isFirst || walk.magic < currentMagic;
    if (!isNext && lastOffset >= this.#rules.recoveryPoint) return;
    this.#sure = { position: position + sizeBytes, offsetMin: lastOffset + 1 };
  }

  /** Where the log goes on after a bad batch; undefined: the tail was torn. */
  async #judge(end: ScanEnd): Promise<Place | undefined> {
    const { position, offsetMin } = end;
    const segment = this.#segment;
    const windowBytes = this.#context.settings["log.flush.window.bytes"];
    const canBeTorn = !this.#rules.isClean && offsetMin >= this.#rules.recoveryPoint;
    const to = canBeTorn ? position + 1 + windowBytes : segment.sizeBytes;
    const range = { bad: position, to, endOffset: gapBound(segment) };
    const found = await findSoundBatch(this.#file, range, offsetMin, this.#context.crc32c);
    if (canBeTorn && found === undefined) {
      const leftBytes = windowBytes - (segment.sizeBytes - position);
      if (!(await this.#rules.goesOnLater(offsetMin, leftBytes))) return undefined;
    }
    const endPosition = found?.position ?? segment.sizeBytes;
    const endOffset = found?.baseOffset ?? Math.max(offsetMin, segment.endOffset);
    const damage = { position, endPosition, firstOffset: offsetMin, endOffset };
    this.#context.damages.note(segment, damage, end.damage ?? "");
    return { position: endPosition, offsetMin: endOffset };
  }

  async #cut(end: ScanEnd): Promise<SegmentRecovery> {
    const segment = this.#segment;
    const windowBytes = this.#context.settings["log.flush.window.bytes"];
    // What lies further back is not of the write that was torn.
    const isNear = end.position - this.#sure.position <= windowBytes;
    const { position, offsetMin } = isNear ? this.#sure : end;
    this.#context.log.warn("cutting the torn tail of a log: it was never flushed", {
      segment: segment.log.path,
      position,
      sizeBytes: segment.sizeBytes - position,
      fromOffset: offsetMin,
      why: end.damage,
    });
    segment.sizeBytes = position;
    // Another file takes the place of a closed one that is cut: it may be shared.
    if (!isClosed(segment)) await this.#file.truncate(position);
    const cut = { isCut: true, hasLostPages: end.isBegun !== true };
    if (position === end.position) return { endOffset: offsetMin, ...cut };
    // The indexes know of more.
    const anew = fromScratch(segment);
    const left = await this.run({ ...anew, from: { ...anew.from, to: position } });
    assert(left !== undefined, noEntry);
    return { ...left, ...cut };
  }
}
