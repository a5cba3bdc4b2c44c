import { XylemError } from "../../base/errors.ts";
import type { ConfigOwner } from "../configs/config-resource.ts";
import type { Configs } from "../configs/config-store.ts";
import { checkBucketConfigs } from "./bucket-configs.ts";
import { type BucketDescription, createBucket, describeBucket } from "./change-bucket.ts";

/**
 * The bucket of that name, made when there is none. One that exists must have the configs that are
 * named. Throws as `createBucket`, with `differences` as facts of DUPLICATE_RESOURCE.
 */
export async function ensureBucket(
  owner: ConfigOwner,
  name: string,
  configs: Configs,
): Promise<{ readonly bucket: BucketDescription; readonly isNew: boolean }> {
  const { buckets, topicDefaults } = owner.configs;
  if (buckets.find(name) === undefined) {
    return { bucket: await createBucket(owner, name, configs), isNew: true };
  }
  const bucket = describeBucket(owner, name);
  const asked = [...checkBucketConfigs(configs, topicDefaults)];
  const differences = asked
    .filter(([config, value]) => bucket.configs[config] !== value)
    .map(([config, value]) => ({
      name: `configs.${config}`,
      is: bucket.configs[config] ?? null,
      asked: value,
    }));
  if (differences.length === 0) return { bucket, isNew: false };
  const named = differences.map((difference) => difference.name).join(", ");
  throw new XylemError("DUPLICATE_RESOURCE", `The bucket ${name} exists, differs in ${named}`, {
    facts: { differences },
  });
}
