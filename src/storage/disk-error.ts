import { DamageError, XylemError } from "../base/errors.ts";

const fullReasons = new Map([
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk is full"],
  ["EMFILE", "no file descriptor is left"],
  ["ENFILE", "no file descriptor is left"],
]);

/** The medium, or the file system on it, has lost what is asked for. */
const damageCodes = new Set(["EIO", "EUCLEAN", "EBADMSG"]);

/**
 * Turns a system error into what `Disk` promises: DISK_FULL where space, inodes or descriptors ran
 * out, KAFKA_STORAGE_ERROR for everything else, a DamageError where files are the matter. `action`
 * says what was tried, without contents.
 */
export function toDiskError(error: unknown, action: string): XylemError {
  if (error instanceof XylemError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const code = systemCode(error);
  const full = code === undefined ? undefined : fullReasons.get(code);
  if (full !== undefined) {
    return new XylemError("DISK_FULL", `${action}: ${full} (${code})`, { cause: error });
  }
  const Failure = code !== undefined && damageCodes.has(code) ? DamageError : XylemError;
  return new Failure("KAFKA_STORAGE_ERROR", `${action}: ${reason}`, { cause: error });
}

/** The `code` of a Node system error, such as ENOENT. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
