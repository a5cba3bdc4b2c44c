import { XylemError } from "../../../base/errors.ts";

/** What the partition hears from its writer. */
export interface WriterListener {
  /** `written` or `flushed` grew. */
  onProgress(): void;
  /** Nothing from `written` on was stored; the log ends there again. */
  onRefused(error: XylemError): void;
  /** What is stored is no longer known for sure: nothing may be appended or read any more. */
  onStopped(error: XylemError): void;
}

/** As `onStopped` is told of it. */
export function stoppedBy(error: unknown): XylemError {
  if (error instanceof XylemError && error.code === "KAFKA_STORAGE_ERROR") return error;
  const detail = error instanceof Error ? error.message : String(error);
  const text = `the partition stopped: ${detail}`;
  return new XylemError("KAFKA_STORAGE_ERROR", text, { cause: error });
}
