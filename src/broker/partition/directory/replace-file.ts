import type { Disk } from "../../ports/disk.ts";

/**
 * Puts `content` in the place of a file: whole or not at all, and durable. Slices are asked for one
 * by one, so that a large file is not made in one go.
 */
export async function replaceFile(
  disk: Disk,
  place: { directory: string; name: string },
  content: Uint8Array | Iterable<Uint8Array>,
): Promise<void> {
  const prefix = place.directory === "" ? "" : `${place.directory}/`;
  const temporary = `${prefix}${place.name}.tmp`;
  const file = await disk.open(temporary, { create: true });
  try {
    if (file.sizeBytes > 0) await file.truncate(0);
    const slices = content instanceof Uint8Array ? [content] : content;
    for (const slice of slices) await file.append([slice]);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, `${prefix}${place.name}`);
  await disk.syncDirectory(place.directory);
}
