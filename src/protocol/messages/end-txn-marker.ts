import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Value of an ABORT or COMMIT control record. */
export const EndTxnMarker = message({
  name: "EndTxnMarker",
  versions: "0",
  flexible: "none",
  fields: {
    coordinatorEpoch: wire.int32,
  },
});
