import type { ServerResponse } from "node:http";
import type { PlainAnswer } from "./route.ts";

/** The statuses without a body have no length either (RFC 9110, 8.6). */
const bodiless = new Set([204, 304]);

/** Sends an answer; HTTP/2's compatible response will do. */
export function sendAnswer(response: ServerResponse, answer: PlainAnswer): void {
  const { status, json } = answer;
  const headers: Record<string, string | number> = { ...answer.headers };
  if (json !== undefined) headers["content-type"] = "application/json";
  const body = json === undefined ? (answer.content ?? "") : JSON.stringify(json);
  if (!bodiless.has(status)) headers["content-length"] = Buffer.byteLength(body);
  response.writeHead(status, headers);
  response.end(body);
}
