import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for the producers that partitions remember (KIP-664). */
export const DescribeProducersRequest = message({
  name: "DescribeProducersRequest",
  key: 61,
  versions: "0",
  flexible: "0+",
  fields: {
    topics: wire.array({
      name: wire.string,
      partitionIndexes: wire.array(wire.int32),
    }),
  },
});

/** Active producers by partition. */
export const DescribeProducersResponse = message({
  name: "DescribeProducersResponse",
  key: 61,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
        errorMessage: wire.otherwise(wire.nullableString, null),
        activeProducers: wire.array({
          producerId: wire.int64,
          producerEpoch: wire.int32,
          lastSequence: wire.otherwise(wire.int32, -1),
          lastTimestamp: wire.otherwise(wire.int64, -1),
          coordinatorEpoch: wire.int32,
          currentTxnStartOffset: wire.otherwise(wire.int64, -1),
        }),
      }),
    }),
  },
});
