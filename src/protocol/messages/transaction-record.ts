import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Key of a transactional id in `__transaction_state`. */
export const TransactionLogKey = message({
  name: "TransactionLogKey",
  key: 0,
  versions: "0",
  flexible: "none",
  fields: {
    transactionalId: wire.string,
  },
});

/** A transactional id's state. Written as version 0, or 1 from transaction version 1 up. */
export const TransactionLogValue = message({
  name: "TransactionLogValue",
  key: 0,
  versions: "0-1",
  flexible: "1+",
  fields: {
    producerId: wire.int64,
    previousProducerId: wire.tagged({ tag: 0, since: 1 }, wire.int64, -1),
    nextProducerId: wire.tagged({ tag: 1, since: 1 }, wire.int64, -1),
    producerEpoch: wire.int16,
    nextProducerEpoch: wire.tagged({ tag: 3, since: 1 }, wire.int16, -1),
    transactionTimeoutMs: wire.int32,
    transactionStatus: wire.int8,
    transactionPartitions: wire.nullable(
      wire.array({
        topic: wire.string,
        partitionIds: wire.array(wire.int32),
      }),
    ),
    transactionLastUpdateTimestampMs: wire.int64,
    transactionStartTimestampMs: wire.int64,
    clientTransactionVersion: wire.tagged({ tag: 2, since: 1 }, wire.int16, 0),
  },
});
