import { XylemError } from "../../../base/errors.ts";
import { findProblem } from "../schemas/find-problem.ts";
import { groupAck, groupFetch, groupMember, groupName } from "../schemas/group.ts";
import { newRecordList } from "../schemas/record.ts";
import {
  anyOf,
  integer,
  listOf,
  mapOf,
  object,
  oneOf,
  type Schema,
  text,
  type ValueOf,
} from "../schemas/schema.ts";
import { topicName } from "../schemas/topic.ts";

const id = anyOf([text({ maxLength: 200 }), integer()], {
  description: "Comes back with the reply.",
});

const subscription = text({
  description: "The client's name for it, on this socket.",
  minLength: 1,
  maxLength: 200,
});

const credits = integer({ description: "Records that may be sent.", minimum: 1 });

const subscribe = object(
  {
    type: oneOf(["subscribe"]),
    subscription,
    topics: listOf(text({ maxLength: 400 }), {
      description:
        "A topic (`orders`), one of its partitions (`orders:0`), either with where to begin " +
        "(`orders:0:42`, `orders::-5`).",
      minItems: 1,
    }),
  },
  {
    id,
    from: text({ description: "Where to begin otherwise. `latest`.", maxLength: 64 }),
    cursor: text({ description: "Where an earlier reader was; it counts before all positions." }),
    filter: mapOf(text(), {
      description: "By the names of HTTP's query: `key`, `key-prefix`, `header.NAME`, `json./…`.",
    }),
    credits,
  },
);

const unsubscribe = object({ type: oneOf(["unsubscribe"]), subscription }, { id });

const credit = object({ type: oneOf(["credit"]), subscription, credits }, { id });

const append = object(
  {
    type: oneOf(["append"]),
    topic: topicName,
    records: newRecordList.properties?.["records"] as Schema<readonly unknown[]>,
  },
  {
    id,
    acks: oneOf(["0", "1", "all"], { description: "`all`." }),
    durability: oneOf(["fsync", "os"], { description: "Absent: the topic's." }),
    minReplicas: integer({
      description: "As many replicas have it when it is answered.",
      minimum: 1,
    }),
    expectedOffset: integer({
      description: "The offset that the first record is to get.",
      minimum: 0,
    }),
    idempotencyKey: text({
      description: "As HTTP's Idempotency-Key: the same append again gets the first answer.",
      minLength: 1,
      maxLength: 255,
    }),
  },
);

const fetch = groupCommand("fetch", groupFetch);
const ack = groupCommand("ack", groupAck);
const leave = groupCommand("leave", groupMember);

/** What HTTP takes as a path and a body, in one object. */
function groupCommand<const Type extends string, Body>(
  type: Type,
  body: Schema<Body>,
): Schema<Body & { readonly type: Type; readonly group: string }> {
  return {
    type: "object",
    properties: { type: oneOf([type]), group: groupName, id, ...body.properties },
    required: ["type", "group", ...(body.required ?? [])],
    additionalProperties: false,
  };
}

const ping = object({ type: oneOf(["ping"]) }, { id });

/** What a client may say, by `type`. docs/live.md lists it; a test compares. */
export const socketCommands = {
  subscribe,
  unsubscribe,
  credit,
  append,
  fetch,
  ack,
  leave,
  ping,
} as const;

export type SubscribeCommand = ValueOf<typeof subscribe>;
export type AppendCommand = ValueOf<typeof append>;
export type FetchCommand = ValueOf<typeof fetch>;
export type SocketCommand = ValueOf<(typeof socketCommands)[keyof typeof socketCommands]>;

export type CommandId = string | number | null;

/** The `id` of whatever came, for the reply to it. */
export function commandId(message: unknown): CommandId {
  if (typeof message !== "object" || message === null || !("id" in message)) return null;
  return typeof message.id === "string" || typeof message.id === "number" ? message.id : null;
}

/** Throws INVALID_REQUEST, which says what is wrong. */
export function checkCommand(message: unknown): SocketCommand {
  const type = (message as { readonly type?: unknown } | null)?.type;
  if (typeof type !== "string" || !Object.hasOwn(socketCommands, type)) {
    const known = Object.keys(socketCommands).join(", ");
    throw new XylemError("INVALID_REQUEST", `A command's type is one of ${known}.`);
  }
  const schema = socketCommands[type as keyof typeof socketCommands];
  const problem = findProblem(schema, message, type);
  if (problem === undefined) return message as SocketCommand;
  throw new XylemError("INVALID_REQUEST", `${problem}.`);
}
