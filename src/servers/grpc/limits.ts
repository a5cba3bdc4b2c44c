import { Code, ConnectError } from "@connectrpc/connect";
import { XylemError } from "../../base/errors.ts";

const limitMax = 10_000;
const limitInitial = 1_000;
const sizeBytesInitial = 1_048_576;
const subscribeBytesInitial = 65_536;
const waitMsMax = 60_000;
const timeoutMsInitial = 30_000;

/** Time for the answer to be on its way before the client gives up. */
const deadlineMarginMs = 100;

/** What a read is answered with at most, within its client's deadline; 0 is the default. */
export function readLimits(
  { limit, maxBytes, waitMs }: ReadAsk,
  bytesMax: number,
  context: { timeoutMs(): number | undefined },
) {
  refuseNegative({ limit, maxBytes, waitMs });
  const leftMs = (context.timeoutMs() ?? Infinity) - deadlineMarginMs;
  return {
    limit: Math.min(limit || limitInitial, limitMax),
    maxBytes: Math.min(maxBytes || sizeBytesInitial, bytesMax),
    waitMs: Math.max(0, Math.min(waitMs, waitMsMax, leftMs)),
  };
}

interface ReadAsk {
  readonly limit: number;
  readonly maxBytes: number;
  readonly waitMs: number;
}

/** What one answer of a live read holds at most. */
export function subscribeBytes({ maxBytes }: { readonly maxBytes: number }, bytesMax: number) {
  refuseNegative({ maxBytes });
  return Math.min(maxBytes || subscribeBytesInitial, bytesMax);
}

/** Time for a call: what its client gives it, at most 30 seconds. */
export function timeoutOf(context: { timeoutMs(): number | undefined }): number {
  return Math.min(context.timeoutMs() ?? timeoutMsInitial, timeoutMsInitial);
}

/** An int64 of a request. Throws INVALID_REQUEST past 2^53, which no log reaches. */
export function toNumber(value: bigint, name: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new XylemError("INVALID_REQUEST", `${name} is past 2^53`);
}

function refuseNegative(numbers: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value !== "number" || value >= 0) continue;
    throw new XylemError("INVALID_REQUEST", `${name} is negative`);
  }
}

/** What live calls end with when the node stops: clients go on elsewhere, or later. */
export function stopping(): ConnectError {
  return new ConnectError("The node is stopping.", Code.Unavailable);
}
