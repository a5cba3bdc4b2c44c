import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Starts or cancels moves of partitions. */
export const AlterPartitionReassignmentsRequest = message({
  name: "AlterPartitionReassignmentsRequest",
  key: 45,
  versions: "0-1",
  flexible: "0+",
  fields: {
    timeoutMs: wire.otherwise(wire.int32, 60_000),
    allowReplicationFactorChange: wire.since(1, wire.bool, true),
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        replicas: wire.otherwise(wire.nullable(wire.array(wire.int32)), null),
      }),
    }),
  },
});

/** One error for each partition. */
export const AlterPartitionReassignmentsResponse = message({
  name: "AlterPartitionReassignmentsResponse",
  key: 45,
  versions: "0-1",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    allowReplicationFactorChange: wire.since(1, wire.bool, true, wire.ignorable),
    errorCode: wire.int16,
    errorMessage: wire.nullableString,
    responses: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
        errorMessage: wire.nullableString,
      }),
    }),
  },
});
