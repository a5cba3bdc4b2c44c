import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for moves of partitions under way. */
export const ListPartitionReassignmentsRequest = message({
  name: "ListPartitionReassignmentsRequest",
  key: 46,
  versions: "0",
  flexible: "0+",
  fields: {
    timeoutMs: wire.otherwise(wire.int32, 60_000),
    topics: wire.otherwise(
      wire.nullable(
        wire.array({
          name: wire.string,
          partitionIndexes: wire.array(wire.int32),
        }),
      ),
      null,
    ),
  },
});

/** The moves. */
export const ListPartitionReassignmentsResponse = message({
  name: "ListPartitionReassignmentsResponse",
  key: 46,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.nullableString,
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        replicas: wire.array(wire.int32),
        addingReplicas: wire.array(wire.int32),
        removingReplicas: wire.array(wire.int32),
      }),
    }),
  },
});
