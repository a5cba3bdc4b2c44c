import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for delegation tokens by owner. */
export const DescribeDelegationTokenRequest = message({
  name: "DescribeDelegationTokenRequest",
  key: 41,
  versions: "1-3",
  flexible: "2+",
  fields: {
    owners: wire.nullable(
      wire.array({
        principalType: wire.string,
        principalName: wire.string,
      }),
    ),
  },
});

/** The tokens. */
export const DescribeDelegationTokenResponse = message({
  name: "DescribeDelegationTokenResponse",
  key: 41,
  versions: "1-3",
  flexible: "2+",
  fields: {
    errorCode: wire.int16,
    tokens: wire.array({
      principalType: wire.string,
      principalName: wire.string,
      tokenRequesterPrincipalType: wire.since(3, wire.string),
      tokenRequesterPrincipalName: wire.since(3, wire.string),
      issueTimestamp: wire.int64,
      expiryTimestamp: wire.int64,
      maxTimestamp: wire.int64,
      tokenId: wire.string,
      hmac: wire.bytes,
      renewers: wire.array({
        principalType: wire.string,
        principalName: wire.string,
      }),
    }),
    throttleTimeMs: wire.otherwise(wire.int32, 0),
  },
});
