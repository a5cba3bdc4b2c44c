import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks where a leader epoch ended (KIP-101). */
export const OffsetForLeaderEpochRequest = message({
  name: "OffsetForLeaderEpochRequest",
  key: 23,
  versions: "2-4",
  flexible: "4+",
  fields: {
    replicaId: wire.since(3, wire.int32, -2, wire.ignorable),
    topics: wire.array({
      topic: wire.string,
      partitions: wire.array({
        partition: wire.int32,
        currentLeaderEpoch: wire.otherwise(wire.int32, -1),
        leaderEpoch: wire.int32,
      }),
    }),
  },
});

/** End offsets; -1 and -1 when unknown. */
export const OffsetForLeaderEpochResponse = message({
  name: "OffsetForLeaderEpochResponse",
  key: 23,
  versions: "2-4",
  flexible: "4+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    topics: wire.array({
      topic: wire.string,
      partitions: wire.array({
        errorCode: wire.int16,
        partition: wire.int32,
        leaderEpoch: wire.otherwise(wire.int32, -1),
        endOffset: wire.otherwise(wire.int64, -1),
      }),
    }),
  },
});
