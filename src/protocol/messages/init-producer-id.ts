import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for a producer id, or for the next epoch of one (KIP-98, KIP-360). */
export const InitProducerIdRequest = message({
  name: "InitProducerIdRequest",
  key: 22,
  versions: "0-6",
  flexible: "2+",
  fields: {
    transactionalId: wire.nullableString,
    transactionTimeoutMs: wire.int32,
    producerId: wire.since(3, wire.int64, -1),
    producerEpoch: wire.since(3, wire.int16, -1),
    enable2Pc: wire.since(6, wire.bool, false),
    keepPreparedTxn: wire.since(6, wire.bool, false),
  },
});

/** The id and epoch to put into batches. */
export const InitProducerIdResponse = message({
  name: "InitProducerIdResponse",
  key: 22,
  versions: "0-6",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    producerId: wire.otherwise(wire.int64, -1),
    producerEpoch: wire.int16,
    ongoingTxnProducerId: wire.since(6, wire.int64, -1),
    ongoingTxnProducerEpoch: wire.since(6, wire.int16, -1),
  },
});
