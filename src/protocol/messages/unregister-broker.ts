import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Takes a broker out of the cluster. */
export const UnregisterBrokerRequest = message({
  name: "UnregisterBrokerRequest",
  key: 64,
  versions: "0",
  flexible: "0+",
  fields: {
    brokerId: wire.int32,
  },
});

/** One error. */
export const UnregisterBrokerResponse = message({
  name: "UnregisterBrokerResponse",
  key: 64,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.nullableString,
  },
});
