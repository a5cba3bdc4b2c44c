import { XylemError } from "../../base/errors.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { applyChanges, checkChanges, type ConfigChange } from "../configs/change-configs.ts";
import { checkTopicConfigs } from "../configs/check-topic-configs.ts";
import type { ConfigOwner } from "../configs/config-resource.ts";
import type { Configs } from "../configs/config-store.ts";
import { overrideTopicSettings } from "../configs/topic-defaults.ts";
import type { Topic } from "../topics/live-topic.ts";
import { checkBucketConfigs, findBucketSetting, topicConfigsOf } from "./bucket-configs.ts";
import { bucketNameOf, checkBucketName } from "./bucket-name.ts";
import type { Bucket } from "./buckets.ts";

/** A bucket as an administrator sees it. */
export interface BucketDescription {
  readonly name: string;
  readonly configs: Readonly<Record<string, string>>;
  readonly topics: number;
  /** Bytes of its topics' logs, indexes not counted. */
  readonly sizeBytes: number;
}

/**
 * Makes a bucket; topics of its name are in it from now on, those there are already as well.
 * Throws INVALID_REQUEST, DUPLICATE_RESOURCE, INVALID_CONFIG, POLICY_VIOLATION.
 */
export async function createBucket(
  owner: ConfigOwner,
  name: string,
  configs: Configs,
): Promise<BucketDescription> {
  checkBucketName(name);
  const { buckets, settings } = owner.configs;
  await buckets.put(name, (present) => {
    if (present !== undefined) {
      throw new XylemError("DUPLICATE_RESOURCE", `The bucket ${name} already exists`);
    }
    const bound = settings["buckets.max"];
    if (buckets.count >= bound) {
      throw new XylemError("POLICY_VIOLATION", `There are ${bound} buckets, which is buckets.max`);
    }
    return check(owner, name, configs);
  });
  owner.configs.refresh();
  return describeBucket(owner, name);
}

/**
 * Changes configs of a bucket, and with them its topics, at once. Throws RESOURCE_NOT_FOUND,
 * INVALID_REQUEST, INVALID_CONFIG, also where a topic's own configs do not go with the new ones.
 */
export async function configureBucket(
  owner: ConfigOwner,
  name: string,
  changes: readonly ConfigChange[],
): Promise<BucketDescription> {
  checkChanges(changes);
  if (changes.length === 0) return describeBucket(owner, name);
  const defaults = owner.configs.topicDefaults as Readonly<Record<string, unknown>>;
  const inherited = (setting: string): unknown => defaults[setting];
  await owner.configs.buckets.put(name, (present) => {
    if (present === undefined) throw absentBucket(name);
    const scope = { find: findBucketSetting, inherited };
    return check(owner, name, applyChanges(present.configs, changes, scope));
  });
  owner.configs.refresh();
  return describeBucket(owner, name);
}

/** Throws RESOURCE_NOT_FOUND. */
export function describeBucket(owner: ConfigOwner, name: string): BucketDescription {
  const bucket = owner.configs.buckets.find(name);
  if (bucket === undefined) throw absentBucket(name);
  return describe(bucket, topicsIn(owner, name));
}

/** All buckets, sorted by name. */
export function listBuckets({ topics, configs }: ConfigOwner): readonly BucketDescription[] {
  const byBucket = Map.groupBy(topics.list(), ({ name }) => bucketNameOf(name));
  const buckets = configs.buckets.list();
  return buckets.map((bucket) => describe(bucket, byBucket.get(bucket.name) ?? []));
}

/** The topics in a bucket, sorted by name. */
export function topicsIn({ topics }: Pick<ConfigOwner, "topics">, bucket: string): Topic[] {
  return topics.list().filter(({ name }) => bucketNameOf(name) === bucket);
}

function describe({ name, configs }: Bucket, topics: readonly Topic[]): BucketDescription {
  let sizeBytes = 0;
  for (const topic of topics) {
    for (const partition of topic.partitions) sizeBytes += partition.sizeBytes;
  }
  return { name, configs: Object.fromEntries(configs), topics: topics.length, sizeBytes };
}

function check(owner: ConfigOwner, name: string, configs: Configs): Configs {
  const nodeDefaults = owner.configs.topicDefaults;
  const checked = checkBucketConfigs(configs, nodeDefaults);
  const bucket = { name, configs: checked };
  const defaults = overrideTopicSettings(nodeDefaults, topicConfigsOf(bucket, nodeDefaults));
  for (const topic of topicsIn(owner, name)) checkTopic(topic, defaults);
  return checked;
}

function checkTopic({ name, configs }: Topic, defaults: TopicSettings): void {
  try {
    checkTopicConfigs(configs, defaults);
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    throw new XylemError(error.code, `${error.message}, in the topic ${name}`, { cause: error });
  }
}

export function absentBucket(name: string): XylemError {
  return new XylemError("RESOURCE_NOT_FOUND", `There is no bucket ${name}`);
}
