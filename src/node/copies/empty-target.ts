import { open, readdir, realpath, rm } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { XylemError } from "../../base/errors.ts";
import { systemCode, toDiskError } from "../../storage/disk-error.ts";
import { FilesDisk, makeRoot } from "../../storage/files-disk.ts";

/** Of two that would fill one directory the second finds it, and leaves the first one's work be. */
const claimName = "copying.tmp";

/**
 * Has `fill` make something of a directory that is empty or not there yet, and lies outside of
 * `source`; undefined: there is none. What a failure leaves in it is removed. Throws
 * INVALID_REQUEST for another place, before anything is made.
 */
export async function fillEmpty<T>(
  path: string,
  source: string | undefined,
  fill: (disk: FilesDisk) => Promise<T>,
): Promise<T> {
  const root = resolve(path);
  if ((await namesIn(root)).length > 0) throw notEmpty(root);
  if (source !== undefined && (await isInside(root, await realSource(source)))) {
    throw new XylemError("INVALID_REQUEST", `${root} lies in the data directory itself`);
  }
  await makeRoot(root);
  await claim(root);
  let filled: T;
  try {
    filled = await fill(new FilesDisk(root));
  } catch (error) {
    for (const name of await namesIn(root)) {
      await rm(join(root, name), { recursive: true, force: true });
    }
    throw error;
  }
  await rm(join(root, claimName), { force: true });
  return filled;
}

async function claim(root: string): Promise<void> {
  const file = join(root, claimName);
  try {
    const made = await open(file, "wx");
    await made.close();
  } catch (error) {
    if (systemCode(error) === "EEXIST") throw notEmpty(root);
    throw toDiskError(error, `making ${file}`);
  }
  if ((await namesIn(root)).length === 1) return;
  await rm(file, { force: true });
  throw notEmpty(root);
}

function notEmpty(root: string): XylemError {
  return new XylemError("INVALID_REQUEST", `${root} is not empty`);
}

async function realSource(source: string): Promise<string> {
  try {
    return await realpath(source);
  } catch (error) {
    throw new XylemError("INVALID_REQUEST", `${source} can not be read`, { cause: error });
  }
}

async function isInside(path: string, directory: string): Promise<boolean> {
  const inner = await realPlace(path);
  return inner === directory || inner.startsWith(directory + sep);
}

/** Where a path leads, though its last parts may not be there yet. */
async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const parent = dirname(path);
    if (systemCode(error) !== "ENOENT" || parent === path) {
      throw new XylemError("INVALID_REQUEST", `${path} can not be read`, { cause: error });
    }
    return join(await realPlace(parent), basename(path));
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw new XylemError("INVALID_REQUEST", `${path} can not be read`, { cause: error });
  }
}
