import { link, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { compression } from "../../codecs/node-compression.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import { formatSegmentName } from "../../log/segment-name.ts";
import { buildBatch } from "../../protocol/build-batch.ts";
import { ReadOnlyFile } from "./verify-file.ts";
import { scrubSegment, type BadBytes, type SegmentBounds } from "./verify-segment.ts";

export interface SkippedOffsets {
  readonly firstOffset: number;
  readonly endOffset: number;
}

/** Bytes of a segment's log that go, and what comes in their place. */
interface Cut {
  readonly position: number;
  readonly endPosition: number;
  readonly batches: readonly Uint8Array[];
}

/** What stands before a damaged range: a batch without records in its place goes on from there. */
interface Before {
  readonly leaderEpoch: number;
  readonly maxTimestampMs: number;
}

const chunkBytes = 1024 * 1024;
/** A batch spans no more offsets than its header can say. */
const batchOffsetsMax = 2 ** 31 - 1;

/**
 * Puts a new file in the place of a segment's log, in which empty batches stand for the offsets
 * that are skipped, as compaction leaves them: readers go past, and nobody takes them for lost
 * again. All other bytes stay as they are. The old file stays beside it as `.log.damaged`, which
 * neither Xylem nor Kafka looks at. Indexes are made again by the next start.
 */
export async function skipDamage(
  folder: string,
  bounds: SegmentBounds,
  skipped: SkippedOffsets,
): Promise<void> {
  await rewriteLog(folder, bounds, async (file) => [await findSkipped(file, bounds, skipped)]);
}

/** As `skipDamage`, for bytes that hold no batch and of which no offset is missed: they go. */
export async function removeStrayBytes(folder: string, bounds: SegmentBounds): Promise<void> {
  await rewriteLog(folder, bounds, async (file) => {
    const cuts: Cut[] = [];
    await scrubSegment(file, bounds, {
      indexes: [],
      onBatch: () => undefined,
      onBad: ({ position, endPosition, firstOffset, endOffset }) => {
        if (firstOffset === endOffset) cuts.push({ position, endPosition, batches: [] });
      },
    });
    return cuts;
  });
}

async function rewriteLog(
  folder: string,
  { baseOffset }: SegmentBounds,
  findCuts: (file: ReadOnlyFile) => Promise<readonly Cut[]>,
): Promise<void> {
  const path = join(folder, formatSegmentName(baseOffset, ".log"));
  const { signal } = new AbortController();
  const file = await ReadOnlyFile.open(path, signal);
  try {
    await writeWithout(file, `${path}.tmp`, await findCuts(file));
  } finally {
    await file.close();
  }
  await rm(`${path}.damaged`, { force: true });
  await link(path, `${path}.damaged`);
  await rename(`${path}.tmp`, path);
  for (const suffix of [".index", ".timeindex"] as const) {
    await rm(join(folder, formatSegmentName(baseOffset, suffix)), { force: true });
  }
  await syncFolder(folder);
}

/** The bytes that go: those of the range, or none at the end of what is missing. */
async function findSkipped(
  file: ReadOnlyFile,
  bounds: SegmentBounds,
  skipped: SkippedOffsets,
): Promise<Cut> {
  let before: Before = { leaderEpoch: 0, maxTimestampMs: -1 };
  let found: { bad: BadBytes; before: Before } | undefined;
  await scrubSegment(file, bounds, {
    indexes: [],
    onBatch: ({ leaderEpoch, maxTimestampMs }) => {
      before = { leaderEpoch, maxTimestampMs };
    },
    onBad: (bad) => {
      if (bad.firstOffset === skipped.firstOffset) found = { bad, before };
    },
  });
  const end = { position: file.sizeBytes, endPosition: file.sizeBytes };
  const { position, endPosition } = found?.bad ?? end;
  return { position, endPosition, batches: emptyBatches(skipped, found?.before ?? before) };
}

function emptyBatches({ firstOffset, endOffset }: SkippedOffsets, before: Before): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let offset = firstOffset; offset < endOffset;) {
    const count = Math.min(batchOffsetsMax, endOffset - offset);
    const options = { ...before, baseOffset: offset, lastOffsetDelta: count - 1 };
    batches.push(buildBatch([], options, { crc32c, compression }));
    offset += count;
  }
  return batches;
}

async function writeWithout(file: ReadOnlyFile, path: string, cuts: readonly Cut[]): Promise<void> {
  const target = await open(path, "w", 0o644);
  try {
    let reached = 0;
    const copyTo = async (end: number): Promise<void> => {
      while (reached < end) {
        const bytes = await file.read(reached, Math.min(chunkBytes, end - reached));
        await target.writeFile(bytes);
        reached += bytes.length;
      }
    };
    for (const { position, endPosition, batches } of cuts) {
      await copyTo(position);
      for (const batch of batches) await target.writeFile(batch);
      reached = endPosition;
    }
    await copyTo(file.sizeBytes);
    await target.sync();
  } finally {
    await target.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
