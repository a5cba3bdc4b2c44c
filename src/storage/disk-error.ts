import { XylemError } from "../base/errors.ts";

const fullCodes = new Set(["ENOSPC", "EDQUOT"]);

/**
 * Turns a system error into what `Disk` promises: DISK_FULL where space or inodes ran out,
 * KAFKA_STORAGE_ERROR for everything else. `action` says what was tried, without file contents.
 */
export function toDiskError(error: unknown, action: string): XylemError {
  if (error instanceof XylemError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const code = systemCode(error);
  if (code !== undefined && fullCodes.has(code)) {
    return new XylemError("DISK_FULL", `${action}: the disk is full (${code})`, { cause: error });
  }
  return new XylemError("KAFKA_STORAGE_ERROR", `${action}: ${reason}`, { cause: error });
}

/** The `code` of a Node system error, such as ENOENT. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
