import { MalformedError } from "../../base/errors.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import type { RecordBatch } from "../../protocol/record-batch.ts";
import { openRecords } from "../../protocol/record.ts";
import { RecordWalk } from "../../protocol/record-walk.ts";
import type { CompactedTransactions } from "./compacted-transactions.ts";
import { emptyBatch, rebuildBatch, type RecordRun } from "./kept-records.ts";
import type { KeyOffsets } from "./key-offsets.ts";

/** What a producer that may still come back wrote last: its batch outlives its records. */
export interface LastOfProducer {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Of its last batch of data; -1 when only a marker is known. */
  readonly lastDataOffset: number;
}

export interface CompactionState {
  readonly offsets: KeyOffsets;
  readonly transactions: CompactedTransactions;
  /** By producer id. */
  readonly producers: ReadonlyMap<number | bigint, LastOfProducer>;
  /** End of what the pass goes over. */
  readonly upTo: number;
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  readonly tools: BatchTools;
}

/** The most that the records of one batch may decompress to. */
export const openedBytesMax = 2 ** 31 - 1;

/**
 * What becomes of a stored batch of magic 2 in a pass (semantics.md 13): its own bytes, others in
 * their place, or undefined: it goes. Batches come in the order of the log, each once. Throws
 * MalformedError for records that can not be read.
 */
export function compactBatch(batch: RecordBatch, state: CompactionState): Uint8Array | undefined {
  const { isControl } = batch;
  const { transactions, nowMs } = state;
  const isEmptyEnd = isControl ? transactions.passMarker(batch) : false;
  const isAborted = isControl ? false : transactions.passData(batch);
  const isOver = hasPassedHorizon(batch, nowMs);
  const isDropped = isControl ? isEmptyEnd && isOver : isAborted;
  const isWanted = isLastOfProducer(batch, state) || batch.nextOffset === state.upTo;
  if (isDropped) return isWanted ? emptyBatch(batch, state.tools) : undefined;
  const records = openRecords(batch, {
    compression: state.tools.compression,
    sizeBytesMax: openedBytesMax,
  });
  const rules = { keepsAll: isControl, keepsTombstones: !isOver, offsets: state.offsets };
  const kept = keptRecords(batch, records, rules);
  if (kept.runs.length === 0) return isWanted ? emptyBatch(batch, state.tools) : undefined;
  const wantsHorizon = (kept.hasTombstone || isEmptyEnd) && !batch.hasDeleteHorizon;
  if (kept.isWhole && !wantsHorizon) return batch.bytes;
  const horizonMs = wantsHorizon ? nowMs + state.deleteRetentionMs : undefined;
  return rebuildBatch(batch, { records, runs: kept.runs, horizonMs }, state.tools);
}

/** Notes the keys of a dirty batch; false: they do not all fit, and the map ends before it. */
export function noteKeys(
  batch: RecordBatch,
  dirtyFrom: number,
  state: Pick<CompactionState, "offsets" | "transactions" | "tools">,
): boolean {
  const { offsets, transactions, tools } = state;
  if (batch.isControl) transactions.passMarker(batch);
  else if (!transactions.passData(batch)) {
    const { compression } = tools;
    const records = openRecords(batch, { compression, sizeBytesMax: openedBytesMax });
    const walk = new RecordWalk(records, batch.recordCount);
    const { baseOffset } = batch;
    while (walk.next()) {
      const offset = baseOffset + walk.offsetDelta;
      if (walk.keyBytes < 0 || offset < dirtyFrom) continue;
      if (!offsets.put(records, keyOf(walk), offset)) return false;
    }
  }
  offsets.latestOffset = Math.max(offsets.latestOffset, batch.lastOffset);
  return true;
}

interface KeptRecords {
  readonly runs: readonly RecordRun[];
  readonly hasTombstone: boolean;
  /** Every record stays. */
  readonly isWhole: boolean;
}

function keptRecords(batch: RecordBatch, records: Uint8Array, rules: KeepRules): KeptRecords {
  const walk = new RecordWalk(records, batch.recordCount);
  const runs: RecordRun[] = [];
  const { baseOffset } = batch;
  let hasTombstone = false;
  let isWhole = true;
  for (let from = 0; walk.next(); from = walk.position) {
    if (!isKept(walk, baseOffset + walk.offsetDelta, rules)) {
      isWhole = false;
      continue;
    }
    if (walk.valueBytes < 0) hasTombstone = true;
    runs.push({ from, to: walk.position, timestampDelta: walk.timestampDelta });
  }
  return { runs, hasTombstone, isWhole };
}

interface KeepRules {
  readonly keepsAll: boolean;
  readonly keepsTombstones: boolean;
  readonly offsets: KeyOffsets;
}

function isKept(walk: RecordWalk, offset: number, rules: KeepRules): boolean {
  const { offsets, keepsAll, keepsTombstones } = rules;
  if (keepsAll || offset > offsets.latestOffset) return true;
  if (walk.keyBytes < 0 || offset < offsets.find(walk.source, keyOf(walk))) return false;
  return walk.valueBytes >= 0 || keepsTombstones;
}

function keyOf(walk: RecordWalk): { from: number; to: number } {
  return { from: walk.keyPosition, to: walk.keyPosition + walk.keyBytes };
}

function hasPassedHorizon(batch: RecordBatch, nowMs: number): boolean {
  if (!batch.hasDeleteHorizon) return false;
  const horizon = batch.baseTimestamp;
  if (typeof horizon === "bigint") throw new MalformedError(`delete horizon ${horizon}`);
  return horizon <= nowMs;
}

/** Without it the producer's next batch would be refused, or an old one taken. */
function isLastOfProducer(batch: RecordBatch, { producers }: CompactionState): boolean {
  if (!batch.hasProducerId) return false;
  const last = producers.get(batch.producerId);
  if (last === undefined) return false;
  if (last.lastDataOffset >= 0) return batch.lastOffset === last.lastDataOffset;
  return batch.isControl && batch.producerEpoch === last.producerEpoch;
}
