import { XylemError } from "../../base/errors.ts";

/** An answer of Consul's that is no success. */
export class ConsulRefusal extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`${status} ${text.trim().slice(0, detailCharsMax)}`.trim());
    this.status = status;
  }
}

const detailCharsMax = 500;
const requestTimeout = 408;
const tooManyRequests = 429;
const serverError = 500;

/**
 * Whether the same request may succeed elsewhere or later: also what Consul answers without a
 * leader. Its effect is then unknown.
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof XylemError) return false;
  if (!(error instanceof ConsulRefusal)) return true;
  const { status } = error;
  return status === requestTimeout || status === tooManyRequests || status >= serverError;
}

/** What a failure at Consul is to the broker. */
export function toCoordinatorError(error: unknown, what: string): XylemError {
  if (error instanceof XylemError) return error;
  const detail = `${what}: Consul answers "${error instanceof Error ? error.message : ""}"`;
  if (isPassing(error)) return new XylemError("REQUEST_TIMED_OUT", detail, { cause: error });
  switch ((error as ConsulRefusal).status) {
    case 401:
    case 403:
      return new XylemError("CLUSTER_AUTHORIZATION_FAILED", detail, { cause: error });
    case 413:
      return new XylemError("MESSAGE_TOO_LARGE", detail, { cause: error });
    default:
      return new XylemError("UNKNOWN_SERVER_ERROR", detail, { cause: error });
  }
}
