import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for users' SCRAM credentials. */
export const DescribeUserScramCredentialsRequest = message({
  name: "DescribeUserScramCredentialsRequest",
  key: 50,
  versions: "0",
  flexible: "0+",
  fields: {
    users: wire.nullable(
      wire.array({
        name: wire.string,
      }),
    ),
  },
});

/** Mechanisms and iterations, never secrets. */
export const DescribeUserScramCredentialsResponse = message({
  name: "DescribeUserScramCredentialsResponse",
  key: 50,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.nullableString,
    results: wire.array({
      user: wire.string,
      errorCode: wire.int16,
      errorMessage: wire.nullableString,
      credentialInfos: wire.array({
        mechanism: wire.int8,
        iterations: wire.int32,
      }),
    }),
  },
});
