import { flag, integer, listOf, mapOf, object, orNull, text } from "./schema.ts";
import { newConfigs } from "./topic.ts";

export const bucketName = text({
  description: "Topics named `<bucket>.<stream>` are in the bucket.",
  minLength: 1,
  maxLength: 120,
});

export const newBucket = object({}, { configs: newConfigs });

export const bucket = object({
  name: bucketName,
  configs: mapOf(text()),
  topics: integer({ description: "How many topics are in it." }),
  sizeBytes: integer({ description: "Of its topics' logs, indexes not counted." }),
});

export const bucketList = object({ buckets: listOf(bucket) });

const synonym = object({ name: text(), value: orNull(text()), source: text() });

export const configList = object({
  configs: listOf(
    object({
      name: text(),
      value: orNull(text({ description: "Null: not set, or secret." })),
      source: text({ description: "Where the value comes from." }),
      type: text(),
      isReadOnly: flag(),
      isSensitive: flag(),
      help: text(),
      synonyms: listOf(synonym, { description: "All that give it a value, the first counts." }),
    }),
  ),
});

export const cluster = object({
  clusterId: text(),
  nodeId: integer({ description: "The node that answers." }),
  controllerId: integer({ description: "The node that reconfigures chains." }),
  topics: integer(),
  partitions: integer(),
  nodes: listOf(
    object({
      nodeId: integer(),
      rack: orNull(text()),
      status: text({ description: "serving, stopping, down, joining or leaving." }),
      heads: integer({ description: "Partitions that it leads." }),
      replicas: integer({ description: "Replicas that are assigned to it." }),
      addresses: mapOf(text(), { description: "`host:port` by door, of a cluster's nodes." }),
    }),
  ),
});
