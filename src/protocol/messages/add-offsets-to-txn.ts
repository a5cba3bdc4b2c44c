import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Takes a group's offsets into a transaction. */
export const AddOffsetsToTxnRequest = message({
  name: "AddOffsetsToTxnRequest",
  key: 25,
  versions: "0-4",
  flexible: "3+",
  fields: {
    transactionalId: wire.string,
    producerId: wire.int64,
    producerEpoch: wire.int16,
    groupId: wire.string,
  },
});

/** One error. */
export const AddOffsetsToTxnResponse = message({
  name: "AddOffsetsToTxnResponse",
  key: 25,
  versions: "0-4",
  flexible: "3+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
  },
});
