import { timeSpan } from "./query.ts";
import { record } from "./record.ts";
import { anyOf, flag, integer, listOf, object, oneOf, orNull, text } from "./schema.ts";
import { partitionIndex, topicName } from "./topic.ts";

/** Of lists in one request. */
const itemsMax = 10_000;
const offsetMax = 1e15 - 1;

export const groupName = text({ description: "A group's name.", minLength: 1, maxLength: 512 });

const memberName = text({
  description: "A member's name: the one that a fetch answered, or one of its own choice.",
  minLength: 1,
  maxLength: 255,
});

const cursor = text({
  description: "That of a fetch's answer: all records that were handed out up to there.",
  minLength: 1,
});

const nextOffset = integer({
  description: "The next offset: everything below it is acknowledged.",
  minimum: 0,
  maximum: offsetMax,
});

const epoch = integer({ description: "That of the fetch.", minimum: 0 });

export const groupFetch = object(
  { topics: listOf(topicName, { minItems: 1, maxItems: itemsMax }) },
  {
    member: memberName,
    cursor,
    max: integer({ description: "The most records; 100 when absent.", minimum: 1 }),
    maxBytes: integer({
      description: "The most bytes of keys, values and headers; the first record comes whole.",
      minimum: 1,
    }),
    wait: timeSpan("How long to wait for a record while there is none."),
    reset: oneOf(["earliest", "latest"], {
      description: "Where the group begins in a partition that is new to it.",
      default: "earliest",
    }),
  },
);

const assignment = listOf(object({ topic: topicName, partitions: listOf(partitionIndex) }), {
  description: "What the member may read.",
});

export const groupFetched = object({
  member: memberName,
  epoch,
  joined: flag({ description: "It is new in the group, or was taken for gone meanwhile." }),
  assignment,
  records: listOf(record),
  cursor,
});

const positions = listOf(
  object({ topic: topicName, partition: partitionIndex, offset: nextOffset }),
  { maxItems: itemsMax },
);

export const groupAck = object({ member: memberName }, { cursor, offsets: positions, epoch });

export const groupAcked = object({ member: memberName, epoch, offsets: positions });

export const groupMember = object({ member: memberName });

export const groupPositions = object({
  group: groupName,
  offsets: listOf(
    object({
      topic: topicName,
      partition: partitionIndex,
      offset: nextOffset,
      end: orNull(integer({ description: "Of the partition; null: it is no more." })),
      lag: orNull(integer({ description: "Records that are not acknowledged yet." })),
      metadata: text(),
    }),
  ),
});

const wantedPosition = object(
  {
    topic: topicName,
    offset: anyOf([nextOffset, text({ maxLength: 64 })], {
      description: "An offset, `earliest`, `latest`, `-N` for the last N, or `@` and a time.",
    }),
  },
  { partition: partitionIndex },
);

export const groupReset = object({
  offsets: listOf(wantedPosition, { minItems: 1, maxItems: itemsMax }),
});

const kind = oneOf(["classic", "consumer"], {
  description: "Whether its members or the server assign partitions.",
});
const state = text({ description: "In Kafka's words: Empty, Stable and others." });

export const groupList = object({
  groups: listOf(object({ group: groupName, kind, state, protocolType: text() })),
  isPartial: flag({ description: "There may be more: nodes are down, or can not tell now." }),
  missing: listOf(object({ node: integer(), why: text() }), {
    description: "Nodes that did not tell of all of their groups.",
  }),
});

export const groupDescription = object({
  group: groupName,
  kind,
  state,
  epoch: orNull(integer({ description: "Null: the group is classic." })),
  members: listOf(
    object({
      member: text(),
      clientId: text(),
      clientHost: text(),
      assignment: orNull(assignment),
    }),
  ),
});
