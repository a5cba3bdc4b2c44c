import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Chooses a SASL mechanism. */
export const SaslHandshakeRequest = message({
  name: "SaslHandshakeRequest",
  key: 17,
  versions: "0-1",
  flexible: "none",
  fields: {
    mechanism: wire.string,
  },
});

/** The mechanisms that the listener offers. */
export const SaslHandshakeResponse = message({
  name: "SaslHandshakeResponse",
  key: 17,
  versions: "0-1",
  flexible: "none",
  fields: {
    errorCode: wire.int16,
    mechanisms: wire.array(wire.string),
  },
});
