import { buildBatch } from "../../protocol/build-batch.ts";
import { codecs } from "../../protocol/compression.ts";
import { decodeMessageSet } from "../../protocol/legacy-message-set.ts";
import { batchBits } from "../../protocol/record-batch.ts";
import type { LogRecord } from "../../protocol/record.ts";
import type { BatchWalk } from "../batch-walk.ts";
import { type CompactionState, openedBytesMax } from "./compact-batch.ts";
import type { KeyOffsets } from "./key-offsets.ts";

const attributesPosition = 17;

/**
 * As `compactBatch`, for what lies there in one of the old formats: what stays is written as a
 * batch of magic 2 (semantics.md 13), in which a later pass finds its tombstones.
 */
export function compactMessageSet(walk: BatchWalk, state: CompactionState): Uint8Array | undefined {
  const records = openMessages(walk, state).filter((record) => isKept(record, state.offsets));
  const isEnd = walk.lastOffset + 1 === state.upTo;
  const first = records[0]?.offset;
  if (first === undefined && !isEnd) return undefined;
  const baseOffset = first ?? walk.lastOffset;
  const attributes = walk.bytes[walk.position + attributesPosition] as number;
  const isAppendTime = walk.magic === 1 && (attributes & batchBits.logAppendTime) !== 0;
  return buildBatch(
    records.map((record) => ({ ...record, offsetDelta: record.offset - baseOffset })),
    {
      baseOffset,
      codec: codecs[attributes & batchBits.codec] ?? "none",
      lastOffsetDelta: walk.lastOffset - baseOffset,
      ...(first === undefined ? { maxTimestampMs: walk.maxTimestampMs } : {}),
      ...(isAppendTime ? { logAppendTimeMs: walk.maxTimestampMs } : {}),
    },
    state.tools,
  );
}

/** As `noteKeys`. */
export function noteMessageKeys(
  walk: BatchWalk,
  dirtyFrom: number,
  state: Pick<CompactionState, "offsets" | "tools">,
): boolean {
  const { offsets } = state;
  for (const { key, offset } of openMessages(walk, state)) {
    if (key === null || offset < dirtyFrom) continue;
    if (!offsets.put(key, { from: 0, to: key.length }, offset)) return false;
  }
  offsets.latestOffset = Math.max(offsets.latestOffset, walk.lastOffset);
  return true;
}

function openMessages(walk: BatchWalk, { tools }: Pick<CompactionState, "tools">): LogRecord[] {
  const bytes = walk.bytes.subarray(walk.position, walk.position + walk.sizeBytes);
  const { compression } = tools;
  return decodeMessageSet(bytes, { compression, sizeBytesMax: openedBytesMax });
}

function isKept({ key, offset }: LogRecord, offsets: KeyOffsets): boolean {
  if (offset > offsets.latestOffset) return true;
  return key !== null && offset >= offsets.find(key, { from: 0, to: key.length });
}
