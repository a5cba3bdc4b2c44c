import { createHash } from "node:crypto";
import { closeSync, openSync, realpathSync } from "node:fs";
import { join } from "node:path";

const socketName = "xylem.sock";
/** `sun_path` has 104 bytes on macOS, 108 on Linux, the final zero included. */
const pathBytesMax = 103;

/** How the lock of a data directory is reached from this process; `close` lets go of the way. */
export interface LockAddress {
  readonly path: string;
  /** The socket as a file; undefined for a named pipe, which leaves none. */
  readonly file: string | undefined;
  close(): void;
}

/**
 * The socket lies in the directory itself. Where its path is too long for the system it is reached
 * through the directory's descriptor (Linux), or lies in /tmp under a name made of the path.
 */
export function lockAddress(root: string): LockAddress {
  const directory = realpathSync(root);
  if (process.platform === "win32") {
    return { path: `\\\\.\\pipe\\xylem-${digest(directory)}`, file: undefined, close: nothing };
  }
  const path = join(directory, socketName);
  if (Buffer.byteLength(path) <= pathBytesMax) return { path, file: path, close: nothing };
  if (process.platform !== "linux") return outsideAddress(directory);
  const descriptor = openSync(directory, "r");
  return {
    path: `/proc/self/fd/${descriptor}/${socketName}`,
    file: path,
    close: () => closeSync(descriptor),
  };
}

function outsideAddress(directory: string): LockAddress {
  const path = `/tmp/xylem-${digest(directory)}.sock`;
  return { path, file: path, close: nothing };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

const nothing = (): void => undefined;
