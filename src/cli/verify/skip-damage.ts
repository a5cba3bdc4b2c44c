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
  const name = formatSegmentName(bounds.baseOffset, ".log");
  const path = join(folder, name);
  const { signal } = new AbortController();
  const file = await ReadOnlyFile.open(path, signal);
  try {
    const { bad, before } = await findRange(file, bounds, skipped);
    await writeWithout(file, `${path}.tmp`, { bad, before, skipped });
  } finally {
    await file.close();
  }
  await rm(`${path}.damaged`, { force: true });
  await link(path, `${path}.damaged`);
  await rename(`${path}.tmp`, path);
  for (const suffix of [".index", ".timeindex"] as const) {
    await rm(join(folder, formatSegmentName(bounds.baseOffset, suffix)), { force: true });
  }
  await syncFolder(folder);
}

/** The bytes that go: those of the range, or none at the end of what is missing. */
async function findRange(
  file: ReadOnlyFile,
  bounds: SegmentBounds,
  { firstOffset }: SkippedOffsets,
): Promise<{ bad: Pick<BadBytes, "position" | "endPosition">; before: Before }> {
  let before: Before = { leaderEpoch: 0, maxTimestampMs: -1 };
  let found: { bad: BadBytes; before: Before } | undefined;
  await scrubSegment(file, bounds, {
    indexes: [],
    onBatch: ({ leaderEpoch, maxTimestampMs }) => {
      before = { leaderEpoch, maxTimestampMs };
    },
    onBad: (bad) => {
      if (bad.firstOffset === firstOffset) found = { bad, before };
    },
  });
  const end = { position: file.sizeBytes, endPosition: file.sizeBytes };
  return found ?? { bad: end, before };
}

async function writeWithout(
  file: ReadOnlyFile,
  path: string,
  range: {
    readonly bad: Pick<BadBytes, "position" | "endPosition">;
    readonly before: Before;
    readonly skipped: SkippedOffsets;
  },
): Promise<void> {
  const { bad, before, skipped } = range;
  const target = await open(path, "w", 0o644);
  try {
    const copy = async (from: number, to: number): Promise<void> => {
      for (let position = from; position < to;) {
        const bytes = await file.read(position, Math.min(chunkBytes, to - position));
        await target.writeFile(bytes);
        position += bytes.length;
      }
    };
    await copy(0, bad.position);
    for (let offset = skipped.firstOffset; offset < skipped.endOffset;) {
      const count = Math.min(batchOffsetsMax, skipped.endOffset - offset);
      const options = { ...before, baseOffset: offset, lastOffsetDelta: count - 1 };
      await target.writeFile(buildBatch([], options, { crc32c, compression }));
      offset += count;
    }
    await copy(bad.endPosition, file.sizeBytes);
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
