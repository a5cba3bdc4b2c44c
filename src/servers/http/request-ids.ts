import type { IncomingMessage, ServerResponse } from "node:http";
import { formatBase64Url } from "../../base/base64url.ts";
import type { Random } from "../../base/random.ts";

export const requestIdHeader = "x-request-id";

/** Of visible characters: it goes into log lines. */
const idPattern = /^[\x21-\x7e]{1,128}$/;
const prefixBytes = 6;

/**
 * Names each request, for its answer and for log lines: as its client or a proxy named it, else by
 * a number behind what tells this run of the node from others.
 */
export class RequestIds {
  readonly #prefix: string;
  #count = 0;

  constructor(random: Random) {
    this.#prefix = formatBase64Url(random.bytes(prefixBytes));
  }

  /** Both get the header; gRPC's metadata are headers as well. */
  name(request: IncomingMessage, response: ServerResponse): void {
    const told = request.headers[requestIdHeader];
    const isUsable = typeof told === "string" && idPattern.test(told);
    const id = isUsable ? told : `${this.#prefix}-${(this.#count += 1)}`;
    request.headers[requestIdHeader] = id;
    response.setHeader(requestIdHeader, id);
  }
}
