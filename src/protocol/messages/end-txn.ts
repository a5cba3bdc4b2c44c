import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Commits or aborts a transaction. */
export const EndTxnRequest = message({
  name: "EndTxnRequest",
  key: 26,
  versions: "0-5",
  flexible: "3+",
  fields: {
    transactionalId: wire.string,
    producerId: wire.int64,
    producerEpoch: wire.int16,
    committed: wire.bool,
  },
});

/** From version 5 the producer's next epoch (KIP-890). */
export const EndTxnResponse = message({
  name: "EndTxnResponse",
  key: 26,
  versions: "0-5",
  flexible: "3+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    producerId: wire.since(5, wire.int64, -1, wire.ignorable),
    producerEpoch: wire.since(5, wire.int16, -1, wire.ignorable),
  },
});
