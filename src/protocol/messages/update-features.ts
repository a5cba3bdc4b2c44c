import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Sets the levels of features that all nodes can work at (KIP-584). */
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
      allowDowngrade: wire.versions("0", wire.bool, false),
      /** 1: an upgrade; 2, 3: a downgrade, without and with loss. */
      upgradeType: wire.since(1, wire.int8, 1),
    }),
    validateOnly: wire.since(1, wire.bool, false),
  },
});

/** One error for each feature; from version 2 on one for all. */
export const UpdateFeaturesResponse = message({
  name: "UpdateFeaturesResponse",
  key: 57,
  versions: "0-2",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.otherwise(wire.nullableString, null),
    results: wire.versions(
      "0-1",
      wire.array({
        feature: wire.string,
        errorCode: wire.int16,
        errorMessage: wire.otherwise(wire.nullableString, null),
      }),
      [],
      wire.ignorable,
    ),
  },
});
