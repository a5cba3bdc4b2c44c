import { Code, ConnectError } from "@connectrpc/connect";
import type { GrpcStatus } from "../../base/error-catalogue.ts";
import { type ErrorFacts, XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { ErrorInfoSchema } from "./generated/google/rpc/error_details_pb.ts";

const codes: Readonly<Record<GrpcStatus, Code>> = {
  INTERNAL: Code.Internal,
  OUT_OF_RANGE: Code.OutOfRange,
  INVALID_ARGUMENT: Code.InvalidArgument,
  DATA_LOSS: Code.DataLoss,
  NOT_FOUND: Code.NotFound,
  UNAVAILABLE: Code.Unavailable,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  ABORTED: Code.Aborted,
  ALREADY_EXISTS: Code.AlreadyExists,
  FAILED_PRECONDITION: Code.FailedPrecondition,
  UNIMPLEMENTED: Code.Unimplemented,
  UNAUTHENTICATED: Code.Unauthenticated,
  PERMISSION_DENIED: Code.PermissionDenied,
  RESOURCE_EXHAUSTED: Code.ResourceExhausted,
};

const domain = "xylem";
const unexplained = "The call failed; the node's log says why.";

/**
 * The one place where an error becomes a status. The catalogue's name is the reason of an ErrorInfo
 * among the details. A failure of the node's own is logged and not shown.
 */
export function toConnectError(error: unknown, log: Log, request: string): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof XylemError && error.code !== "UNKNOWN_SERVER_ERROR") {
    const { code, message, facts, row } = error;
    const metadata = { retriable: String(row.retriable), ...toTexts(facts) };
    const details = [{ desc: ErrorInfoSchema, value: { reason: code, domain, metadata } }];
    return new ConnectError(message, codes[row.grpc], undefined, details, error);
  }
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error("a call failed", { request, reason });
  return new ConnectError(unexplained, Code.Internal, undefined, undefined, error);
}

/** Why a part of a call failed, where the call as a whole goes on. */
export function toErrorMessage(error: XylemError) {
  return { code: error.code, message: error.message, retriable: error.row.retriable };
}

function toTexts(facts: ErrorFacts = {}): Record<string, string> {
  const entries = Object.entries(facts).map(([name, fact]) => [
    name,
    typeof fact === "string" ? fact : JSON.stringify(fact),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}
