import { AssertionError } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";

/** Thrown by a handler whose request can only be answered by closing the connection. */
export class ConnectionRefused extends Error {
  override name = "ConnectionRefused";
}

/** What went wrong, for the log line of a defect. */
export interface ErrorPlace {
  readonly api: string;
  readonly apiVersion: number;
  readonly client: string;
}

/**
 * The sole place where the Kafka door turns what was thrown into what a client may see. What is no
 * XylemError is a defect of ours: it is logged with its stack, the client learns nothing of it.
 */
export function toKafkaError(error: unknown, log: Log, place: ErrorPlace): XylemError {
  if (error instanceof XylemError) return error;
  const isBroken = error instanceof AssertionError;
  log.error(isBroken ? "an invariant is broken" : "a request failed unexpectedly", {
    ...place,
    reason: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
  return new XylemError("UNKNOWN_SERVER_ERROR", "the broker failed; its log says why");
}

/** For loops over the parts of a request: XylemErrors are that part's, all else goes on. */
export function expectXylemError(error: unknown): XylemError {
  if (error instanceof XylemError) return error;
  throw error;
}
