import type { ErrorCode, XylemError } from "../../base/errors.ts";

/** Another replica may answer, or the same one later. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "BROKER_NOT_AVAILABLE",
  "FENCED_LEADER_EPOCH",
  "KAFKA_STORAGE_ERROR",
  "LEADER_NOT_AVAILABLE",
  "NETWORK_EXCEPTION",
  "NOT_LEADER_OR_FOLLOWER",
  "OFFSET_NOT_AVAILABLE",
  "REQUEST_TIMED_OUT",
  "THROTTLING_QUOTA_EXCEEDED",
  "UNKNOWN_LEADER_EPOCH",
]);

/** In a cluster: whether a reader is to wait for better times. */
export function isPassing({ code }: XylemError): boolean {
  return passing.has(code);
}
