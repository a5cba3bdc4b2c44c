import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { XylemError } from "../../base/errors.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { type ReadLimits, readLimits } from "../../broker/records/read-limits.ts";
import type { ReadRequest } from "./generated/xylem/v1/log_pb.ts";

/** As the proto files say. */
const limitInitial = 1_000;
const subscribeBytesInitial = 65_536;

/** Time for the answer to be on its way before the client gives up. */
const deadlineMarginMs = 100;

type Deadline = Pick<HandlerContext, "timeoutMs">;
type Asked = Pick<ReadRequest, "limit" | "maxBytes" | "waitMs">;

/** What a read is answered with at most, within its client's deadline; 0 is the default. */
export function boundsOf(asked: Asked, settings: NodeSettings, context: Deadline): ReadLimits {
  const { limit, maxBytes, waitMs } = asked;
  const wish = { limit: limit || undefined, maxBytes: maxBytes || undefined, waitMs };
  const limits = readLimits(settings, wish, limitInitial);
  const leftMs = (context.timeoutMs() ?? Infinity) - deadlineMarginMs;
  return {
    limit: limits.limit,
    maxBytes: Math.min(limits.maxBytes, settings["grpc.message.max.bytes"]),
    waitMs: Math.max(0, Math.min(limits.waitMs, leftMs)),
  };
}

/** What one answer of a live read holds at most. Throws INVALID_REQUEST. */
export function subscribeBytes(asked: Pick<Asked, "maxBytes">, settings: NodeSettings): number {
  const { maxBytes } = readLimits(settings, { maxBytes: asked.maxBytes || subscribeBytesInitial });
  return Math.min(maxBytes, settings["grpc.message.max.bytes"]);
}

/** Time for a call: what its client gives it, at most `append.timeout.ms`. */
export function timeoutOf(context: Deadline, settings: NodeSettings): number {
  const mostMs = settings["append.timeout.ms"];
  return Math.min(context.timeoutMs() ?? mostMs, mostMs);
}

/** An int64 of a request. Throws INVALID_REQUEST past 2^53, which no log reaches. */
export function toNumber(value: bigint, name: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new XylemError("INVALID_REQUEST", `${name} is past 2^53`);
}

/** What live calls end with when the node stops: clients go on elsewhere, or later. */
export function stopping(): ConnectError {
  return new ConnectError("The node is stopping.", Code.Unavailable);
}
