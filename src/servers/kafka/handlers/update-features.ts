import { XylemError } from "../../../base/errors.ts";
import { featureName } from "../../../broker/cluster/feature-level.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"UpdateFeatures">;
type Response = ResponseOf<"UpdateFeatures">;

/** As of `upgradeType`. */
const upgrade = 1;

/** UpdateFeatures (key 57): finalizes the cluster's feature level; it knows one feature. */
export async function updateFeatures(
  { featureUpdates, validateOnly }: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const [wanted] = featureUpdates;
  if (wanted === undefined || featureUpdates.length > 1 || wanted.feature !== featureName) {
    const names = featureUpdates.map(({ feature }) => feature).join(", ");
    const detail = `Only ${featureName} can be updated here, not "${names}".`;
    throw new XylemError("INVALID_UPDATE_VERSION", detail);
  }
  const { feature, maxVersionLevel, allowDowngrade, upgradeType } = wanted;
  if (allowDowngrade || upgradeType !== upgrade) {
    const detail = `A level of ${feature} that is finalized does not go back.`;
    throw new XylemError("FEATURE_UPDATE_FAILED", detail);
  }
  if (broker.cluster === undefined) {
    throw new XylemError("FEATURE_UPDATE_FAILED", "A node by itself has no feature level.");
  }
  await broker.cluster.finalize(maxVersionLevel, { validateOnly });
  return { errorCode: 0, results: [{ feature, errorCode: 0 }] };
}
