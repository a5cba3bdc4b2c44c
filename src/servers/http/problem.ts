import type { ServerResponse } from "node:http";

/** A failed request as its client sees it (RFC 9457). */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Headers that the status asks for, such as Allow. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers with a problem document; nothing may have been written before. */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  const { status, title, detail } = problem;
  const body = JSON.stringify({ type: "about:blank", title, status, detail });
  response.writeHead(status, {
    ...problem.headers,
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
  });
  response.end(body);
}
