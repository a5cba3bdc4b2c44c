import { type ErrorCode, XylemError } from "../../base/errors.ts";

const movedCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "NOT_LEADER_OR_FOLLOWER",
  "LEADER_NOT_AVAILABLE",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "BROKER_NOT_AVAILABLE",
]);

/** Another node may take it: thrown, it says that nothing was done. */
export function isMoved(error: unknown): error is XylemError {
  return error instanceof XylemError && movedCodes.has(error.code);
}

const unreadyCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "OFFSET_NOT_AVAILABLE",
  "NOT_COORDINATOR",
  "COORDINATOR_LOAD_IN_PROGRESS",
]);

/** The node is about to be able to answer, or to know who is. */
export function isUnready(error: unknown): error is XylemError {
  return error instanceof XylemError && unreadyCodes.has(error.code);
}

/** The link was lost while the other node was at it. */
export function isLost(error: unknown): error is XylemError {
  return error instanceof XylemError && error.code === "NETWORK_EXCEPTION";
}

/** Of what was appended, or may have been, and is not known to be committed. */
export function unknownOutcome(error: XylemError): XylemError {
  const detail = `whether it was appended is not known, it may be: ${error.message}`;
  return new XylemError("REQUEST_TIMED_OUT", detail, { cause: error });
}
