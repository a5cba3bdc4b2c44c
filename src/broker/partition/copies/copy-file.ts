import { XylemError } from "../../../base/errors.ts";
import type { Disk, DiskFile } from "../../ports/disk.ts";

/** One read and one write of a copy. */
const chunkBytes = 1024 * 1024;

export interface CopySource {
  readonly disk: Disk;
  readonly path: string;
  /** Only so many bytes from the start; all of the file when absent. */
  readonly sizeBytes?: number;
}

/** Copies a file to a name that is not there yet; its bytes are durable when this resolves. */
export async function copyFile(source: CopySource, target: Disk, path: string): Promise<"copied"> {
  const from = await source.disk.open(source.path, { create: false });
  try {
    await copyBytes(from, source.sizeBytes ?? from.sizeBytes, target, path);
  } finally {
    await from.close();
  }
  return "copied";
}

/** As `copyFile`, of the first bytes of an open file. Nothing is left behind by a failure. */
export async function copyBytes(
  from: DiskFile,
  sizeBytes: number,
  target: Disk,
  path: string,
): Promise<void> {
  const to = await target.open(path, { create: true });
  if (to.sizeBytes > 0) {
    await to.close();
    throw new XylemError("KAFKA_STORAGE_ERROR", `${path} is there already`);
  }
  try {
    for (let position = 0; position < sizeBytes;) {
      const bytes = await from.read(position, Math.min(chunkBytes, sizeBytes - position));
      if (bytes.length === 0) {
        const detail = `${path}: its source ends at ${position}, not at ${sizeBytes}`;
        throw new XylemError("KAFKA_STORAGE_ERROR", detail);
      }
      await to.append([bytes]);
      position += bytes.length;
    }
    await to.sync();
  } catch (error) {
    await to.close();
    await target.remove(path);
    throw error;
  }
  await to.close();
}
