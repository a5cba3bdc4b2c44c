import { XylemError } from "../../../base/errors.ts";
import { type FollowWish, openFollowing } from "../../../broker/follow/open-following.ts";
import type { Following } from "../../../broker/follow/following.ts";
import { parsePosition } from "../../../broker/records/position.ts";
import { parseRecordFilter } from "../../../broker/records/record-filter.ts";
import type { Call, HttpScope, TakenOver } from "../route.ts";
import { EventStream } from "./event-stream.ts";

/** The cursor goes along with every event, and comes back in a header. */
const partitionsMax = 256;
const tooMany = "a stream's cursor names each; a WebSocket at /v1/socket takes more";

export interface LiveQuery {
  readonly topic: readonly string[];
  readonly from?: string;
  readonly cursor?: string;
}

/** Whether the client asks for server-sent events. */
export function wantsEvents(accept: string | undefined): boolean {
  return accept !== undefined && /(^|[\s,])text\/event-stream\s*($|[,;])/i.test(accept);
}

/**
 * Answers with what lies in the topics, and then what comes, for as long as the client stays. Where
 * it was before, which its browser says when it comes back, counts before all else.
 */
export async function followRecords(
  scope: HttpScope,
  call: Pick<Call<unknown, LiveQuery>, "query" | "filters" | "headers">,
): Promise<TakenOver> {
  const following = await openRequested(scope, call, "latest");
  return {
    takeOver: (request, response) => {
      new EventStream(scope.readers, following, response).start(request);
    },
  };
}

/** A live reader of what the query names; close it. `initial` is where it begins unless told. */
export async function openRequested(
  scope: HttpScope,
  call: Pick<Call<unknown, LiveQuery>, "query" | "filters" | "headers">,
  initial: "earliest" | "latest",
): Promise<Following> {
  const { topic, from = initial, cursor } = call.query;
  const lastEventId = call.headers["last-event-id"];
  return await openFollowing(scope, {
    wishes: topic.map(parseTopicWish),
    from: parsePosition(from),
    cursor: typeof lastEventId === "string" && lastEventId !== "" ? lastEventId : cursor,
    filter: parseRecordFilter(call.filters),
    sizeBytesMax: scope.broker.settings["http.filter.scan.max.bytes"],
    partitionsMax,
    tooMany,
    isFresh: initial === "earliest",
  });
}

/**
 * What `topic=` names: a topic, `orders`, one of its partitions, `orders:0`, and with either where
 * to begin, `orders:0:42` or `orders::-5`. Throws INVALID_REQUEST.
 */
export function parseTopicWish(text: string): FollowWish {
  const match = /^([^:]+)(?::(\d{0,6})(?::(.+))?)?$/.exec(text);
  if (match === null) {
    const forms = "TOPIC, TOPIC:PARTITION, TOPIC:PARTITION:POSITION or TOPIC::POSITION";
    throw new XylemError("INVALID_REQUEST", `"${text}" is none of ${forms}`);
  }
  const [, topic = "", partition, position] = match;
  return {
    topic,
    partition: partition === undefined || partition === "" ? undefined : Number(partition),
    position: position === undefined ? undefined : parsePosition(position),
  };
}
