import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Creates topics with partitions or explicit replica assignments. */
export const CreateTopicsRequest = message({
  name: "CreateTopicsRequest",
  key: 19,
  versions: "2-7",
  flexible: "5+",
  fields: {
    topics: wire.array({
      name: wire.string,
      numPartitions: wire.int32,
      replicationFactor: wire.int16,
      assignments: wire.array({
        partitionIndex: wire.int32,
        brokerIds: wire.array(wire.int32),
      }),
      configs: wire.array({
        name: wire.string,
        value: wire.nullableString,
      }),
    }),
    timeoutMs: wire.otherwise(wire.int32, 60_000),
    validateOnly: wire.otherwise(wire.bool, false),
  },
});

/** What was created, with its settings from version 5 (KIP-525). */
export const CreateTopicsResponse = message({
  name: "CreateTopicsResponse",
  key: 19,
  versions: "2-7",
  flexible: "5+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    topics: wire.array({
      name: wire.string,
      topicId: wire.since(7, wire.uuid, noUuid, wire.ignorable),
      errorCode: wire.int16,
      errorMessage: wire.nullableString,
      topicConfigErrorCode: wire.tagged({ tag: 0, since: 5 }, wire.int16, 0, wire.ignorable),
      numPartitions: wire.since(5, wire.int32, -1, wire.ignorable),
      replicationFactor: wire.since(5, wire.int16, -1, wire.ignorable),
      configs: wire.since(
        5,
        wire.nullable(
          wire.array({
            name: wire.string,
            value: wire.nullableString,
            readOnly: wire.bool,
            configSource: wire.otherwise(wire.int8, -1),
            isSensitive: wire.bool,
          }),
        ),
        [],
        wire.ignorable,
      ),
    }),
  },
});
