import {
  anyOf,
  flag,
  integer,
  listOf,
  mapOf,
  object,
  orNull,
  type Schema,
  text,
} from "./schema.ts";

export const topicName = text({
  description: "A topic's name: letters and digits of ASCII and . _ -",
  minLength: 1,
  maxLength: 249,
});

export const partitionIndex = integer({ description: "Counted from 0.", minimum: 0 });

/** A config's value as people write it; the broker keeps its text. */
const configValue: Schema<string | number | boolean> = anyOf([text(), integer(), flag()]);

export const newConfigs = mapOf(configValue, {
  description: "Configs by name (docs/topic-settings.md).",
  examples: [{ "retention.ms": 86_400_000 }],
  maxProperties: 1_000,
});

export const configChanges = mapOf(anyOf([text(), integer(), flag(), { type: "null" }]), {
  description: "Configs by name; null gives one back to its default.",
  maxProperties: 1_000,
}) as Schema<Readonly<Record<string, string | number | boolean | null>>>;

export const newTopic = object(
  {},
  {
    partitions: integer({ description: "Absent: the node's num.partitions.", minimum: 1 }),
    replicas: integer({ description: "Absent: default.replication.factor.", minimum: 1 }),
    configs: newConfigs,
  },
);

export const topicChange = object(
  {},
  {
    partitions: integer({ description: "The count to grow to.", minimum: 1 }),
    configs: configChanges,
  },
);

const segmentDescription = object({
  baseOffset: integer(),
  endOffset: integer({ description: "The next segment's base, or the log's end." }),
  sizeBytes: integer(),
});

const partitionDescription = object(
  {
    partition: partitionIndex,
    leaderEpoch: integer(),
    leader: integer({ description: "The node that serves it; -1: none at the moment." }),
    role: text({
      description:
        "What the node that answers is in its chain: solo, head, middle, tail, joiner, outsider.",
    }),
    chain: listOf(integer(), { description: "Nodes that hold it and are up, head first." }),
    replicas: listOf(integer(), {
      description: "Nodes that it is assigned to, the preferred head first.",
    }),
  },
  {
    logStart: integer({ description: "First offset that may be read; told by its leader." }),
    highWatermark: integer({ description: "No reader sees this offset or a later one." }),
    lastStable: integer({ description: "The same for committed transactions." }),
    sizeBytes: integer(),
    adding: listOf(integer(), { description: "Of the replicas those that come with a move." }),
    removing: listOf(integer(), { description: "Of the replicas those that go with a move." }),
    segments: listOf(segmentDescription),
  },
);

export const topicDescription = object({
  name: topicName,
  id: text(),
  isInternal: flag({ description: "Whether it is the broker's own." }),
  configs: mapOf(text(), { description: "What the topic itself sets." }),
  sizeBytes: integer(),
  partitions: listOf(partitionDescription),
});

export const topicPage = object({
  topics: listOf(
    object({ name: topicName, id: text(), isInternal: flag(), partitions: integer() }),
  ),
  next: orNull(text({ description: "What `after` takes for the next page; null: no more." })),
  isPartial: flag({ description: "Some of these topics are not served: nodes are down." }),
});
