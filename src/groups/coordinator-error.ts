import { XylemError, type ErrorCode } from "../base/errors.ts";

/** How a coordinator's failed write looks to its client (semantics, Common error rules). */
const asSeenByClients: Partial<Record<ErrorCode, ErrorCode>> = {
  UNKNOWN_TOPIC_OR_PARTITION: "COORDINATOR_NOT_AVAILABLE",
  NOT_ENOUGH_REPLICAS: "COORDINATOR_NOT_AVAILABLE",
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: "COORDINATOR_NOT_AVAILABLE",
  REQUEST_TIMED_OUT: "COORDINATOR_NOT_AVAILABLE",
  NOT_LEADER_OR_FOLLOWER: "NOT_COORDINATOR",
  KAFKA_STORAGE_ERROR: "NOT_COORDINATOR",
  DISK_FULL: "NOT_COORDINATOR",
  MESSAGE_TOO_LARGE: "UNKNOWN_SERVER_ERROR",
  RECORD_LIST_TOO_LARGE: "UNKNOWN_SERVER_ERROR",
  INVALID_FETCH_SIZE: "UNKNOWN_SERVER_ERROR",
  NETWORK_EXCEPTION: "COORDINATOR_LOAD_IN_PROGRESS",
};

/** What a client is told when the internal topic refused a record. */
export function coordinatorError(error: unknown): ErrorCode {
  const code = error instanceof XylemError ? error.code : "UNKNOWN_SERVER_ERROR";
  return asSeenByClients[code] ?? code;
}
