import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Sets finalized feature levels. */
export const UpdateFeaturesRequest = message({
  name: "UpdateFeaturesRequest",
  key: 57,
  versions: "0-2",
  flexible: "0+",
  fields: {
    timeoutMs: wire.otherwise(wire.int32, 60_000),
    featureUpdates: wire.array({
      feature: wire.string,
      maxVersionLevel: wire.int16,
      allowDowngrade: wire.versions("0", wire.bool),
      upgradeType: wire.since(1, wire.int8, 1),
    }),
    validateOnly: wire.since(1, wire.bool, false),
  },
});

/** One error for each feature, up to version 1. */
export const UpdateFeaturesResponse = message({
  name: "UpdateFeaturesResponse",
  key: 57,
  versions: "0-2",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.nullableString,
    results: wire.versions(
      "0-1",
      wire.array({
        feature: wire.string,
        errorCode: wire.int16,
        errorMessage: wire.nullableString,
      }),
      [],
      wire.ignorable,
    ),
  },
});
