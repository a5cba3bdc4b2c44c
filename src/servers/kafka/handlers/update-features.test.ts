import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import type { DoorContext } from "../door-context.ts";
import { apiVersions } from "./api-versions.ts";
import { updateFeatures } from "./update-features.ts";

let world: ClusterWorld;
afterEach(() => world.close());

async function open(): Promise<DoorContext> {
  world = new ClusterWorld(1);
  const former = await world.start(1, { "cluster.feature.level.max": 1 });
  await former.stop();
  const { broker } = await world.drive(world.start(1, {}, former.disk));
  return { broker, apiVersion: 1 } as unknown as DoorContext;
}

const wanted = (maxVersionLevel: number, more = {}) => ({
  timeoutMs: 1_000,
  featureUpdates: [
    { feature: "xylem.version", maxVersionLevel, allowDowngrade: false, upgradeType: 1, ...more },
  ],
  validateOnly: false,
});

const software = { clientSoftwareName: "", clientSoftwareVersion: "", clusterId: null, nodeId: -1 };

test("Kafka's tools see the feature level, and finalize another", async () => {
  const context = await open();
  const features = () => apiVersions(software, { ...context, apiVersion: 0 });
  const able = { name: "xylem.version", minVersion: 1, maxVersion: 2 };
  const at = (level: number) => ({
    name: "xylem.version",
    minVersionLevel: level,
    maxVersionLevel: level,
  });
  expect(features().supportedFeatures).toContainEqual(able);
  expect(features().finalizedFeatures).toContainEqual(at(1));
  const { errorCode } = await updateFeatures({ ...wanted(2), validateOnly: true }, context);
  expect([errorCode, features().finalizedFeaturesEpoch]).toEqual([0, 1]);
  expect(await updateFeatures(wanted(2), context)).toMatchObject({ errorCode: 0 });
  expect(features().finalizedFeatures).toContainEqual(at(2));
  expect(features().finalizedFeaturesEpoch).toBe(2);
});

test("a level that no node knows, one that is past and other features are refused", async () => {
  const context = await open();
  const failed = { code: "FEATURE_UPDATE_FAILED" };
  await expect(updateFeatures(wanted(3), context)).rejects.toMatchObject(failed);
  await updateFeatures(wanted(2), context);
  await expect(updateFeatures(wanted(1), context)).rejects.toMatchObject(failed);
  const down = wanted(1, { upgradeType: 3 });
  await expect(updateFeatures(down, context)).rejects.toMatchObject(failed);
  const other = wanted(1, { feature: "metadata.version" });
  await expect(updateFeatures(other, context)).rejects.toMatchObject({
    code: "INVALID_UPDATE_VERSION",
  });
});
