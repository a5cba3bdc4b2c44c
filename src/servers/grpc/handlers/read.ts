import type { HandlerContext } from "@connectrpc/connect";
import { readPage } from "../../../broker/records/read-page.ts";
import { type CallScope, shareKey } from "../call-scope.ts";
import { type ReadRequest, Reset } from "../generated/xylem/v1/log_pb.ts";
import { boundsOf } from "../limits.ts";
import { toFilter, toPosition, toRecordMessage } from "../record-messages.ts";

const resets: Readonly<Record<Reset, "earliest" | "latest" | undefined>> = {
  [Reset.UNSPECIFIED]: undefined,
  [Reset.EARLIEST]: "earliest",
  [Reset.LATEST]: "latest",
};

/** LogService.Read. */
export async function read(
  { broker, tools, stopping }: CallScope,
  request: ReadRequest,
  context: HandlerContext,
) {
  const { topic, partition } = request;
  const limits = boundsOf(request, broker.settings, context);
  const page = await readPage(broker, tools, {
    topic,
    partition,
    position: toPosition(request.position, "earliest"),
    ...limits,
    filter: toFilter(request.filter),
    reset: resets[request.reset as Reset],
    signal: AbortSignal.any([context.signal, stopping]),
    room: context.values.get(shareKey),
  });
  return {
    records: page.records.map(toRecordMessage),
    nextOffset: BigInt(page.nextOffset),
    highWatermark: BigInt(page.highWatermark),
    lastStable: BigInt(page.lastStable),
    logStart: BigInt(page.logStart),
    wasReset: page.wasReset,
  };
}
