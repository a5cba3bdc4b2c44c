import type { Duplex } from "node:stream";
import { toProblem } from "./errors.ts";
import { Refusal } from "./refusal.ts";

/** Answers a request that no response was made for, and ends its connection. */
export function refuseOnStream(stream: Duplex, refusal: Refusal): void {
  const { problem, headers } = toProblem(refusal);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    "connection: close",
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  stream.on("error", () => undefined);
  stream.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Bytes that are no request, or one that exceeds what Node lets through. */
export function refuseMalformed(error: NodeJS.ErrnoException, stream: Duplex): void {
  if (!stream.writable) {
    stream.destroy();
    return;
  }
  const [status, detail] = reasonOf(error.code);
  refuseOnStream(stream, new Refusal(status, detail, { code: "INVALID_REQUEST" }));
}

function reasonOf(code: string | undefined): [status: number, detail: string] {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return [431, "The request's head is larger than http.header.max.bytes."];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, "The request was not there in time."];
    default:
      return [400, "This is no HTTP request."];
  }
}
