import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for the offset at a time, or for one of the special timestamps (KIP-79, KIP-734). */
export const ListOffsetsRequest = message({
  name: "ListOffsetsRequest",
  key: 2,
  versions: "1-11",
  flexible: "6+",
  fields: {
    replicaId: wire.int32,
    isolationLevel: wire.since(2, wire.int8),
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        currentLeaderEpoch: wire.since(4, wire.int32, -1, wire.ignorable),
        timestamp: wire.int64,
      }),
    }),
    timeoutMs: wire.since(10, wire.int32, 0, wire.ignorable),
  },
});

/** Offsets found; -1 when there is none. */
export const ListOffsetsResponse = message({
  name: "ListOffsetsResponse",
  key: 2,
  versions: "1-11",
  flexible: "6+",
  fields: {
    throttleTimeMs: wire.since(2, wire.int32, 0, wire.ignorable),
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
        timestamp: wire.otherwise(wire.int64, -1),
        offset: wire.otherwise(wire.int64, -1),
        leaderEpoch: wire.since(4, wire.int32, -1),
      }),
    }),
  },
});
