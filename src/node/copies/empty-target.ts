import { readdir, realpath, rm } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { XylemError } from "../../base/errors.ts";
import { systemCode } from "../../storage/disk-error.ts";
import { FilesDisk, makeRoot } from "../../storage/files-disk.ts";

/**
 * Has `fill` make something of a directory that is empty or not there yet, and lies outside of
 * `source`; undefined: there is none. What a failure leaves in it is removed. Throws
 * INVALID_REQUEST for another place.
 */
export async function fillEmpty<T>(
  path: string,
  source: string | undefined,
  fill: (disk: FilesDisk) => Promise<T>,
): Promise<T> {
  const root = resolve(path);
  if ((await namesIn(root)).length > 0) {
    throw new XylemError("INVALID_REQUEST", `${root} is not empty`);
  }
  await makeRoot(root);
  if (source !== undefined && (await isInside(root, source))) {
    throw new XylemError("INVALID_REQUEST", `${root} lies in the data directory itself`);
  }
  try {
    return await fill(new FilesDisk(root));
  } catch (error) {
    for (const name of await namesIn(root)) {
      await rm(join(root, name), { recursive: true, force: true });
    }
    throw error;
  }
}

async function isInside(path: string, directory: string): Promise<boolean> {
  const [inner, outer] = [await realpath(path), await realpath(directory)];
  return inner === outer || inner.startsWith(outer + sep);
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw new XylemError("INVALID_REQUEST", `${path} can not be read`, { cause: error });
  }
}
