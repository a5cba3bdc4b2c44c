import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for a delegation token. */
export const CreateDelegationTokenRequest = message({
  name: "CreateDelegationTokenRequest",
  key: 38,
  versions: "1-3",
  flexible: "2+",
  fields: {
    ownerPrincipalType: wire.since(3, wire.nullableString),
    ownerPrincipalName: wire.since(3, wire.nullableString),
    renewers: wire.array({
      principalType: wire.string,
      principalName: wire.string,
    }),
    maxLifetimeMs: wire.int64,
  },
});

/** The token. */
export const CreateDelegationTokenResponse = message({
  name: "CreateDelegationTokenResponse",
  key: 38,
  versions: "1-3",
  flexible: "2+",
  fields: {
    errorCode: wire.int16,
    principalType: wire.string,
    principalName: wire.string,
    tokenRequesterPrincipalType: wire.since(3, wire.string),
    tokenRequesterPrincipalName: wire.since(3, wire.string),
    issueTimestampMs: wire.int64,
    expiryTimestampMs: wire.int64,
    maxTimestampMs: wire.int64,
    tokenId: wire.string,
    hmac: wire.bytes,
    throttleTimeMs: wire.otherwise(wire.int32, 0),
  },
});
