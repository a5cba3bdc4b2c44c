import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Elects leaders for partitions. */
export const ElectLeadersRequest = message({
  name: "ElectLeadersRequest",
  key: 43,
  versions: "0-2",
  flexible: "2+",
  fields: {
    electionType: wire.since(1, wire.int8),
    topicPartitions: wire.nullable(
      wire.array({
        topic: wire.string,
        partitions: wire.array(wire.int32),
      }),
    ),
    timeoutMs: wire.otherwise(wire.int32, 60_000),
  },
});

/** One error for each partition. */
export const ElectLeadersResponse = message({
  name: "ElectLeadersResponse",
  key: 43,
  versions: "0-2",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.since(1, wire.int16),
    replicaElectionResults: wire.array({
      topic: wire.string,
      partitionResult: wire.array({
        partitionId: wire.int32,
        errorCode: wire.int16,
        errorMessage: wire.nullableString,
      }),
    }),
  },
});
