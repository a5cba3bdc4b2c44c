import { bucketSettings, type BucketSettings } from "../../base/settings/bucket-settings.ts";
import { normalizeSetting, parseSetting } from "../../base/settings/parse-setting.ts";
import type { Setting } from "../../base/settings/setting.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { checkTopicConfigs } from "../configs/check-topic-configs.ts";
import type { Configs } from "../configs/config-store.ts";
import { findTopicSetting } from "../configs/topic-defaults.ts";
import type { Bucket } from "./buckets.ts";

const rows: Readonly<Record<string, Setting<unknown>>> = bucketSettings;

/** The least that segment.bytes may be. */
const segmentBytesMin = 1_048_576;
/** A budget is kept to by whole segments: it wants several of them. */
const segmentsPerBudget = 16;

/** The row of one of a bucket's configs: a topic setting, or a bucket's own. */
export function findBucketSetting(name: string): Setting<unknown> | undefined {
  return isOwn(name) ? rows[name] : findTopicSetting(name);
}

/** A bucket's configs as they are kept. Throws INVALID_CONFIG. */
export function checkBucketConfigs(configs: Configs, defaults: TopicSettings): Configs {
  const checked = new Map(checkTopicConfigs(inheritedBy(configs), defaults));
  for (const [name, text] of configs) {
    const row = isOwn(name) ? rows[name] : undefined;
    if (row !== undefined) checked.set(name, normalizeSetting(name, row, text));
  }
  return checked;
}

/** `bucket.retention.bytes`; below 0: no bound. */
export function budgetOf({ configs }: Bucket): number {
  const name: keyof BucketSettings = "bucket.retention.bytes";
  const row = bucketSettings[name];
  const text = configs.get(name);
  return text === undefined ? row.initial : parseSetting(name, row, text);
}

/** What topics of the bucket have that they do not set themselves, beside the node's defaults. */
export function topicConfigsOf(bucket: Bucket, defaults: TopicSettings): Configs {
  const inherited = inheritedBy(bucket.configs);
  const budget = budgetOf(bucket);
  if (budget < 0 || inherited.has("segment.bytes")) return inherited;
  const fitting = Math.max(segmentBytesMin, Math.floor(budget / segmentsPerBudget));
  if (fitting >= defaults["segment.bytes"]) return inherited;
  return new Map([...inherited, ["segment.bytes", String(fitting)]]);
}

function inheritedBy(configs: Configs): Configs {
  return new Map([...configs].filter(([name]) => !isOwn(name)));
}

function isOwn(name: string): boolean {
  return Object.hasOwn(rows, name);
}
