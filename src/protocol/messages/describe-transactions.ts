import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for transactions by id. */
export const DescribeTransactionsRequest = message({
  name: "DescribeTransactionsRequest",
  key: 65,
  versions: "0",
  flexible: "0+",
  fields: {
    transactionalIds: wire.array(wire.string),
  },
});

/** State and partitions of each. */
export const DescribeTransactionsResponse = message({
  name: "DescribeTransactionsResponse",
  key: 65,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    transactionStates: wire.array({
      errorCode: wire.int16,
      transactionalId: wire.string,
      transactionState: wire.string,
      transactionTimeoutMs: wire.int32,
      transactionStartTimeMs: wire.int64,
      producerId: wire.int64,
      producerEpoch: wire.int16,
      topics: wire.array({
        topic: wire.string,
        partitions: wire.array(wire.int32),
      }),
    }),
  },
});
