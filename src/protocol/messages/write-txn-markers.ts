import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Has COMMIT or ABORT markers written to partitions. */
export const WriteTxnMarkersRequest = message({
  name: "WriteTxnMarkersRequest",
  key: 27,
  versions: "1-2",
  flexible: "1+",
  fields: {
    markers: wire.array({
      producerId: wire.int64,
      producerEpoch: wire.int16,
      transactionResult: wire.bool,
      topics: wire.array({
        name: wire.string,
        partitionIndexes: wire.array(wire.int32),
      }),
      coordinatorEpoch: wire.int32,
      transactionVersion: wire.since(2, wire.int8, 0, wire.ignorable),
    }),
  },
});

/** One error for each partition. */
export const WriteTxnMarkersResponse = message({
  name: "WriteTxnMarkersResponse",
  key: 27,
  versions: "1-2",
  flexible: "1+",
  fields: {
    markers: wire.array({
      producerId: wire.int64,
      topics: wire.array({
        name: wire.string,
        partitions: wire.array({
          partitionIndex: wire.int32,
          errorCode: wire.int16,
        }),
      }),
    }),
  },
});
