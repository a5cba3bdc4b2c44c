/** What an error of a call says besides its words. */
export interface ErrorFacts {
  readonly status: number;
  readonly code: string;
  readonly retriable: boolean;
  /** The whole problem document (RFC 9457); empty when there was none. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * A call that failed. `status` is HTTP's, or 0 when no answer came: `code` is then
 * CONNECTION_FAILED or REQUEST_TIMED_OUT. All other codes are the node's (docs/errors.md).
 */
export class XylemClientError extends Error {
  override name = "XylemClientError";
  readonly status: number;
  readonly code: string;
  /** Whether the same call may succeed later. */
  readonly retriable: boolean;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The node asks to be left alone for so long; 0: it does not. */
  readonly retryAfterMs: number;

  constructor(detail: string, facts: ErrorFacts) {
    const { status, code, retriable, fields, retryAfterMs = 0, cause } = facts;
    super(detail, { cause });
    this.status = status;
    this.code = code;
    this.retriable = retriable;
    this.fields = fields;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Whether the node, or the way to it, may be well again soon, or another one asked (421). A wrong
 * request stays wrong.
 */
export function isPassing(error: unknown): error is XylemClientError {
  if (!(error instanceof XylemClientError)) return false;
  const { status, retriable } = error;
  return status === 0 || status === 429 || ((status === 421 || status >= 500) && retriable);
}

/** The error that an answer tells. Reads its body. */
export async function toAnswerError(response: Response): Promise<XylemClientError> {
  const text = await response.text();
  const fields = parseProblem(text);
  const { status } = response;
  const { detail, code, retriable } = fields;
  return new XylemClientError(typeof detail === "string" ? detail : `HTTP status ${status}`, {
    status,
    code: typeof code === "string" ? code : "UNKNOWN_SERVER_ERROR",
    // What stands between, a proxy say, tells by the status alone.
    retriable: typeof retriable === "boolean" ? retriable : status === 429 || status >= 500,
    fields,
    retryAfterMs: (Number(response.headers.get("retry-after")) || 0) * 1_000,
  });
}

export function connectionFailed(cause: unknown): XylemClientError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const facts = { status: 0, code: "CONNECTION_FAILED", retriable: true, fields: {}, cause };
  return new XylemClientError(`No answer came: ${reason}`, facts);
}

export function timedOut(timeoutMs: number): XylemClientError {
  const facts = { status: 0, code: "REQUEST_TIMED_OUT", retriable: true, fields: {} };
  return new XylemClientError(`No answer came within ${timeoutMs} ms`, facts);
}

function parseProblem(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
