import type { Disk } from "../ports/disk.ts";

/** Puts `bytes` in the place of a small file: whole or not at all, and durable. */
export async function replaceFile(
  disk: Disk,
  place: { directory: string; name: string },
  bytes: Uint8Array,
): Promise<void> {
  const prefix = place.directory === "" ? "" : `${place.directory}/`;
  const temporary = `${prefix}${place.name}.tmp`;
  const file = await disk.open(temporary, { create: true });
  try {
    if (file.sizeBytes > 0) await file.truncate(0);
    await file.append([bytes]);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, `${prefix}${place.name}`);
  await disk.syncDirectory(place.directory);
}
