import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for the state of the metadata quorum. */
export const DescribeQuorumRequest = message({
  name: "DescribeQuorumRequest",
  key: 55,
  versions: "0-2",
  flexible: "0+",
  fields: {
    topics: wire.array({
      topicName: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
      }),
    }),
  },
});

const replicaState = wire.struct({
  replicaId: wire.int32,
  replicaDirectoryId: wire.since(2, wire.uuid),
  logEndOffset: wire.int64,
  lastFetchTimestamp: wire.since(1, wire.int64, -1, wire.ignorable),
  lastCaughtUpTimestamp: wire.since(1, wire.int64, -1, wire.ignorable),
});

/** Voters and observers with their progress. */
export const DescribeQuorumResponse = message({
  name: "DescribeQuorumResponse",
  key: 55,
  versions: "0-2",
  flexible: "0+",
  fields: {
    errorCode: wire.int16,
    errorMessage: wire.since(2, wire.nullableString, "", wire.ignorable),
    topics: wire.array({
      topicName: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
        errorMessage: wire.since(2, wire.nullableString, "", wire.ignorable),
        leaderId: wire.int32,
        leaderEpoch: wire.int32,
        highWatermark: wire.int64,
        currentVoters: wire.array(replicaState),
        observers: wire.array(replicaState),
      }),
    }),
    nodes: wire.since(
      2,
      wire.array({
        nodeId: wire.int32,
        listeners: wire.array({
          name: wire.string,
          host: wire.string,
          port: wire.uint16,
        }),
      }),
    ),
  },
});
