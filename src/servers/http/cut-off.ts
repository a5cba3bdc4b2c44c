import type { ServerHttp2Stream } from "node:http2";

/** RFC 9113, 7. */
const http2Cancel = 8;

/** A request or a response. */
interface Carrier {
  destroy(): unknown;
}

/** Of HTTP/2's compatible request or response; undefined: it is HTTP/1's. */
export function streamOf(carrier: Carrier): ServerHttp2Stream | undefined {
  return (carrier as { readonly stream?: ServerHttp2Stream }).stream;
}

/** Ends a call. Over HTTP/2 its stream is reset: destroyed, it would keep its connection open. */
export function cutOff(carrier: Carrier): void {
  const stream = streamOf(carrier);
  if (stream === undefined) carrier.destroy();
  else stream.close(http2Cancel);
}
