import type { Crc32c } from "../../../base/crc32c.ts";
import { XylemError } from "../../../base/errors.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { formatSegmentName } from "../../../log/segment-name.ts";
import { batchHeaderBytes } from "../../../protocol/record-batch.ts";
import type { SourceSegment } from "../../ports/compactor.ts";
import type { Disk, DiskFile } from "../../ports/disk.ts";

export interface SourceReader {
  readonly disk: Disk;
  readonly folder: string;
  readonly bufferBytes: number;
  readonly crc32c: Crc32c;
}

export interface BatchVisitor {
  /** Of each batch, found to be good; false ends it. The bytes stay until `onChunk` resolves. */
  onBatch(walk: BatchWalk): boolean;
  /** After the batches of one read, of so many bytes. */
  onChunk(bytes: number): Promise<void>;
}

/**
 * Reads a closed segment from its start, a buffer at a time; a batch that is larger comes whole.
 * Rejects with CORRUPT_MESSAGE at the first batch that is not good: nothing may be concluded from
 * a log of which a part can not be read.
 */
export async function visitSource(
  source: SourceSegment,
  reader: SourceReader,
  visitor: BatchVisitor,
): Promise<void> {
  const path = `${reader.folder}/${formatSegmentName(source.baseOffset, ".log")}`;
  const file = await reader.disk.open(path, { create: false });
  try {
    await visitFile(file, { path, source, reader }, visitor);
  } finally {
    await file.close();
  }
}

async function visitFile(
  file: DiskFile,
  how: { path: string; source: SourceSegment; reader: SourceReader },
  visitor: BatchVisitor,
): Promise<void> {
  const { path, source, reader } = how;
  let position = 0;
  let offsetMin = source.baseOffset;
  let wanted = reader.bufferBytes;
  while (position < file.sizeBytes) {
    const bytes = await file.read(position, wanted);
    const walk = new BatchWalk(bytes, 0, offsetMin);
    const sight = visitChunk(walk, { source, crc32c: reader.crc32c }, visitor);
    const isCut = sight === "short" && position + walk.position + walk.sizeBytes > file.sizeBytes;
    if (sight === "bad" || isCut) throw damageError(path, position + walk.position);
    await visitor.onChunk(bytes.length);
    if (sight === "batch") return;
    position += walk.position;
    offsetMin = walk.offsetMin;
    wanted = Math.max(reader.bufferBytes, walk.sizeBytes + batchHeaderBytes);
  }
}

/** "batch": the visitor has seen enough. */
function visitChunk(
  walk: BatchWalk,
  { source, crc32c }: { source: SourceSegment; crc32c: Crc32c },
  visitor: BatchVisitor,
): "batch" | "bad" | "short" | "end" {
  for (;;) {
    const sight = walk.look();
    if (sight !== "batch") return sight;
    if (walk.lastOffset >= source.endOffset || !walk.isIntact(crc32c)) return "bad";
    if (!visitor.onBatch(walk)) return "batch";
    walk.advance();
  }
}

function damageError(path: string, position: number): XylemError {
  return new XylemError("CORRUPT_MESSAGE", `${path} is damaged at byte ${position}`);
}
