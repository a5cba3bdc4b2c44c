import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** One token of a SASL exchange. */
export const SaslAuthenticateRequest = message({
  name: "SaslAuthenticateRequest",
  key: 36,
  versions: "0-2",
  flexible: "2+",
  fields: {
    authBytes: wire.bytes,
  },
});

/** The server's token, and how long the session lasts (KIP-368). */
export const SaslAuthenticateResponse = message({
  name: "SaslAuthenticateResponse",
  key: 36,
  versions: "0-2",
  flexible: "2+",
  fields: {
    errorCode: wire.int16,
    errorMessage: wire.nullableString,
    authBytes: wire.bytes,
    sessionLifetimeMs: wire.since(1, wire.int64, 0, wire.ignorable),
  },
});
