import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Adds or removes SCRAM credentials. */
export const AlterUserScramCredentialsRequest = message({
  name: "AlterUserScramCredentialsRequest",
  key: 51,
  versions: "0",
  flexible: "0+",
  fields: {
    deletions: wire.array({
      name: wire.string,
      mechanism: wire.int8,
    }),
    upsertions: wire.array({
      name: wire.string,
      mechanism: wire.int8,
      iterations: wire.int32,
      salt: wire.bytes,
      saltedPassword: wire.bytes,
    }),
  },
});

/** One error for each user. */
export const AlterUserScramCredentialsResponse = message({
  name: "AlterUserScramCredentialsResponse",
  key: 51,
  versions: "0",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    results: wire.array({
      user: wire.string,
      errorCode: wire.int16,
      errorMessage: wire.nullableString,
    }),
  },
});
