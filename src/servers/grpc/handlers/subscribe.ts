import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { XylemError } from "../../../base/errors.ts";
import { formatCursor } from "../../../broker/follow/cursor.ts";
import type { FollowedRecords, Following } from "../../../broker/follow/following.ts";
import { openFollowing } from "../../../broker/follow/open-following.ts";
import type { CallScope } from "../call-scope.ts";
import { toErrorMessage } from "../errors.ts";
import type {
  SubscribeRequest,
  SubscribeResponseSchema,
  Subscription,
} from "../generated/xylem/v1/log_pb.ts";
import { subscribeBytes } from "../limits.ts";
import { toFilter, toPosition, toRecordMessage } from "../record-messages.ts";

type Response = MessageInitShape<typeof SubscribeResponseSchema>;

/**
 * LogService.Subscribe. The next records are taken when the client has read the last ones: a slow
 * client holds one answer, and what it holds counts against the memory of calls. Who is cut off
 * because he does not read it goes on from his cursor.
 */
export async function* subscribe(
  scope: CallScope,
  request: SubscribeRequest,
  context: HandlerContext,
): AsyncGenerator<Response> {
  const { memory, stopping, broker } = scope;
  const bytes = subscribeBytes(request, broker.settings);
  const limits = { records: broker.settings["http.read.max.records"], bytes };
  const following = await open(scope, request);
  const signal = AbortSignal.any([context.signal, stopping]);
  try {
    yield { cursor: formatCursor(following.cursor()) };
    for (;;) {
      const followed = await following.next(limits, signal);
      if (followed === undefined) break;
      const taken = await memory.takeLater(bytes, signal);
      try {
        yield toResponse(following, followed);
      } finally {
        memory.release(taken);
      }
    }
    if (stopping.aborted) throw stopping.reason;
  } finally {
    following.close();
  }
}

function open(scope: CallScope, request: SubscribeRequest): Promise<Following> {
  const { subscriptions, cursor, filter } = request;
  const { settings } = scope.broker;
  if (subscriptions.length === 0) {
    throw new XylemError("INVALID_REQUEST", "there are no subscriptions");
  }
  return openFollowing(scope, {
    wishes: subscriptions.map(toWish),
    from: "latest",
    cursor: cursor === "" ? undefined : cursor,
    filter: toFilter(filter),
    sizeBytesMax: settings["http.filter.scan.max.bytes"],
    partitionsMax: settings["live.partitions.max"],
    tooMany: "live.partitions.max is the bound: use several calls",
  });
}

function toWish({ topic, partition, position }: Subscription) {
  return { topic, partition, position: position && toPosition(position, "latest") };
}

function toResponse(following: Following, followed: FollowedRecords): Response {
  const { records, moved, ended } = followed;
  const [first] = records;
  return {
    ...(first && { topic: first.topic, partition: first.partition }),
    records: records.map(toRecordMessage),
    cursor: formatCursor(following.cursor()),
    moved: moved.map(({ from, to, ...place }) => ({
      ...place,
      from: BigInt(from),
      to: BigInt(to),
    })),
    ended: ended.map(({ topic, partition, error }) => ({
      topic,
      ...(partition !== undefined && { partition }),
      error: toErrorMessage(error),
    })),
  };
}
