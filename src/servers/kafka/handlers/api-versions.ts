import { XylemError } from "../../../base/errors.ts";
import type { Cluster } from "../../../broker/cluster/cluster.ts";
import { featureName } from "../../../broker/cluster/feature-level.ts";
import {
  apiNames,
  apiTable,
  type RequestOf,
  type ResponseOf,
} from "../../../protocol/api-table.ts";
import type { DoorContext } from "../door-context.ts";

type Request = RequestOf<"ApiVersions">;
type Response = ResponseOf<"ApiVersions">;

const introductionVersionMin = 3;

/** KIP-511: begins and ends with a letter or a digit, dots and dashes between. */
const softwarePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

/** Kafka 3.3 to 4.3 by their feature levels. */
const metadataVersion = { name: "metadata.version", minVersion: 7, maxVersion: 30 };

const apiKeys: Response["apiKeys"] = apiNames
  .map((name) => ({
    apiKey: apiTable[name].key,
    minVersion: apiTable[name].listed.min,
    maxVersion: apiTable[name].listed.max,
  }))
  .sort((one, other) => one.apiKey - other.apiKey);

const answer: Response = {
  errorCode: 0,
  apiKeys,
  // Only what is true is finalized: without transaction.version and group.version clients keep to
  // the protocols that are served here.
  supportedFeatures: [metadataVersion],
  finalizedFeaturesEpoch: 0,
  finalizedFeatures: [{ name: metadataVersion.name, minVersionLevel: 30, maxVersionLevel: 30 }],
};

/** In a cluster: what this node can work at, and what all use. It changes upwards only. */
function ofCluster(cluster: Cluster): Response {
  const { least, most } = cluster.levels;
  const { level } = cluster.image;
  const able = { name: featureName, minVersion: least, maxVersion: most };
  const used = { name: featureName, minVersionLevel: level, maxVersionLevel: level };
  return {
    ...answer,
    supportedFeatures: [...(answer.supportedFeatures ?? []), able],
    finalizedFeaturesEpoch: level,
    finalizedFeatures: [...(answer.finalizedFeatures ?? []), used],
  };
}

/** ApiVersions (key 18): what is served, the same for everybody. */
export function apiVersions(request: Request, context: DoorContext): Response {
  if (context.apiVersion >= introductionVersionMin) {
    const { clientSoftwareName, clientSoftwareVersion } = request;
    for (const text of [clientSoftwareName, clientSoftwareVersion]) {
      if (!softwarePattern.test(text)) {
        throw new XylemError("INVALID_REQUEST", "client software name or version");
      }
    }
    context.introduce(clientSoftwareName, clientSoftwareVersion);
  }
  const { cluster } = context.broker;
  return cluster === undefined ? answer : ofCluster(cluster);
}

/** The body, in version 0, for a client that asks in a version not known here. */
export const unknownVersionAnswer: Response = {
  errorCode: new XylemError("UNSUPPORTED_VERSION", "ApiVersions").kafka,
  apiKeys: apiKeys.filter(({ apiKey }) => apiKey === apiTable.ApiVersions.key),
};
