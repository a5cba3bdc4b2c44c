import { Code, ConnectError } from "@connectrpc/connect";
import { XylemError } from "../../base/errors.ts";

/** Refusals that another endpoint, or a later moment, would repeat. */
const finalCodes: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.Unimplemented,
  Code.DataLoss,
]);

/** Whether the same call may succeed elsewhere or later. Its effect is then unknown. */
export function isPassing(error: unknown): boolean {
  const { code, rawMessage } = ConnectError.from(error);
  if (code === Code.ResourceExhausted) return rawMessage.includes("too many requests");
  return !finalCodes.has(code);
}

export function isLeaseUnknown(error: unknown): boolean {
  const { code, rawMessage } = ConnectError.from(error);
  return code === Code.NotFound && rawMessage.includes("lease not found");
}

/** What was asked for lies at a revision that etcd has forgotten or not come to yet. */
export function isOutOfHistory(error: unknown): boolean {
  return ConnectError.from(causeOf(error)).code === Code.OutOfRange;
}

/** What was asked for lies before the revision up to which etcd has forgotten its history. */
export function isCompacted(error: unknown): boolean {
  const { code, rawMessage } = ConnectError.from(causeOf(error));
  return code === Code.OutOfRange && rawMessage.includes("compacted");
}

/** What a failure at etcd is to the broker. */
export function toCoordinatorError(error: unknown, what: string): XylemError {
  if (error instanceof XylemError) return error;
  const { code, rawMessage } = ConnectError.from(error);
  const detail = `${what}: etcd answers "${rawMessage}"`;
  if (isPassing(error)) return new XylemError("REQUEST_TIMED_OUT", detail, { cause: error });
  switch (code) {
    case Code.PermissionDenied:
    case Code.Unauthenticated:
      return new XylemError("CLUSTER_AUTHORIZATION_FAILED", detail, { cause: error });
    case Code.ResourceExhausted:
      return new XylemError("DISK_FULL", detail, { cause: error });
    case Code.NotFound:
      return new XylemError("STALE_BROKER_EPOCH", detail, { cause: error });
    default:
      return new XylemError("UNKNOWN_SERVER_ERROR", detail, { cause: error });
  }
}

/** etcd's own words, also behind what the broker made of them. */
function causeOf(error: unknown): unknown {
  return error instanceof XylemError ? error.cause : error;
}
