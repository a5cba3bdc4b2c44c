import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** The first request of most clients. */
export const ApiVersionsRequest = message({
  name: "ApiVersionsRequest",
  key: 18,
  versions: "0-5",
  flexible: "3+",
  fields: {
    clientSoftwareName: wire.since(3, wire.string, "", wire.ignorable),
    clientSoftwareVersion: wire.since(3, wire.string, "", wire.ignorable),
    clusterId: wire.since(5, wire.nullableString, null, wire.ignorable),
    nodeId: wire.since(5, wire.int32, -1, wire.ignorable),
  },
});

/** The version ranges served. Its header never has a tagged section (KIP-511). */
export const ApiVersionsResponse = message({
  name: "ApiVersionsResponse",
  key: 18,
  versions: "0-5",
  flexible: "3+",
  fields: {
    errorCode: wire.int16,
    apiKeys: wire.array({
      apiKey: wire.int16,
      minVersion: wire.int16,
      maxVersion: wire.int16,
    }),
    throttleTimeMs: wire.since(1, wire.int32, 0, wire.ignorable),
    supportedFeatures: wire.tagged(
      { tag: 0, since: 3 },
      wire.array({
        name: wire.string,
        minVersion: wire.int16,
        maxVersion: wire.int16,
      }),
      [],
      wire.ignorable,
    ),
    finalizedFeaturesEpoch: wire.tagged({ tag: 1, since: 3 }, wire.int64, -1, wire.ignorable),
    finalizedFeatures: wire.tagged(
      { tag: 2, since: 3 },
      wire.array({
        name: wire.string,
        maxVersionLevel: wire.int16,
        minVersionLevel: wire.int16,
      }),
      [],
      wire.ignorable,
    ),
    zkMigrationReady: wire.tagged({ tag: 3, since: 3 }, wire.bool, false, wire.ignorable),
  },
});
