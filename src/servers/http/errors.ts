import { STATUS_CODES } from "node:http";
import { XylemError } from "../../base/errors.ts";
import { Refusal } from "./refusal.ts";

/** A failed request as its client sees it (RFC 9457); `code` is of docs/errors.md. */
export interface Problem {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly retriable: boolean;
  readonly [fact: string]: unknown;
}

export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  /** The node's own fault: it is logged and not shown. */
  readonly isOwnFault: boolean;
}

const noHeaders = {};

/** The one place where an error becomes a status and a problem document. */
export function toProblem(error: unknown): ProblemAnswer {
  if (error instanceof XylemError) return ofXylemError(error);
  if (error instanceof Refusal) {
    const { status, code, message, headers, facts } = error;
    const problem = { ...facts, ...titled(status), detail: message, code, retriable: false };
    return { problem, headers, isOwnFault: false };
  }
  const status = statusOfFastify(error);
  if (status !== undefined) {
    const detail = (error as Error).message;
    const problem = { ...titled(status), detail, code: "INVALID_REQUEST", retriable: false };
    return { problem, headers: noHeaders, isOwnFault: false };
  }
  return { problem: ownFault(), headers: noHeaders, isOwnFault: true };
}

function ofXylemError(error: XylemError): ProblemAnswer {
  const { code, message, facts, row } = error;
  if (code === "UNKNOWN_SERVER_ERROR") {
    return { problem: ownFault(), headers: noHeaders, isOwnFault: true };
  }
  const { retriable } = row;
  const status = isNodesBound(error) ? 503 : row.http;
  const problem = { ...facts, ...titled(status), detail: message, code, retriable };
  const isBusy = status === 429 || status === 503;
  return { problem, headers: isBusy ? { "retry-after": "1" } : noHeaders, isOwnFault: false };
}

/** Of the node as a whole: it is not the client who asks too much. */
function isNodesBound({ code, facts }: XylemError): boolean {
  return code === "THROTTLING_QUOTA_EXCEEDED" && facts?.["setting"] !== undefined;
}

function titled(status: number): Pick<Problem, "type" | "title" | "status"> {
  return { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status };
}

function ownFault(): Problem {
  return {
    ...titled(500),
    detail: "The request failed; the node's log says why.",
    code: "UNKNOWN_SERVER_ERROR",
    retriable: false,
  };
}

/** Fastify names what a client did wrong by a status below 500. */
function statusOfFastify(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("statusCode" in error)) return undefined;
  const { code, statusCode } = error;
  if (typeof code !== "string" || !code.startsWith("FST_")) return undefined;
  return typeof statusCode === "number" && statusCode < 500 ? statusCode : undefined;
}
