import type { Setting } from "../../base/settings/setting.ts";
import { formatSetting } from "../../base/settings/parse-setting.ts";
import { topicSettings } from "../../base/settings/topic-settings.ts";
import { topicConfigsOf } from "../buckets/bucket-configs.ts";
import type { Topic } from "../topics/live-topic.ts";
import type { BrokerConfigs } from "./broker-configs.ts";
import { type ConfigSynonym, type DescribedConfig, nodeSynonyms } from "./described-config.ts";
import { synonymsOf } from "./topic-defaults.ts";

const rows = Object.entries(topicSettings as Readonly<Record<string, Setting<unknown>>>).sort(
  ([a], [b]) => (a < b ? -1 : 1),
);

/** Every config of a topic, sorted by name. Internal ones show only where somebody set them. */
export function describeTopicConfigs(
  topic: Pick<Topic, "name" | "configs" | "settings">,
  configs: BrokerConfigs,
): readonly DescribedConfig[] {
  const bucket = configs.buckets.of(topic.name);
  const inherited = bucket && topicConfigsOf(bucket, configs.topicDefaults);
  const given = (name: string): ConfigSynonym[] => {
    const [own, ofBucket] = [topic.configs.get(name), inherited?.get(name)];
    const found: ConfigSynonym[] = [];
    if (own !== undefined) found.push({ name, value: own, source: "topic" });
    if (bucket === undefined || ofBucket === undefined) return found;
    const synonym = `bucket.${bucket.name}.${name}`;
    return [...found, { name: synonym, value: ofBucket, source: "bucket" }];
  };
  return rows
    .filter(([name, row]) => row.isInternal !== true || topic.configs.has(name))
    .map(([name, row]) => describe(name, row, { topic, given: given(name) }, configs));
}

interface Described {
  readonly topic: Pick<Topic, "settings">;
  /** What the topic sets, then what its bucket does. */
  readonly given: readonly ConfigSynonym[];
}

function describe(
  name: string,
  row: Setting<unknown>,
  { topic, given }: Described,
  configs: BrokerConfigs,
): DescribedConfig {
  const synonyms = [...given];
  const names = synonymsOf(name).map((synonym) => synonym.name);
  if (names[0] !== undefined) synonyms.push(...nodeSynonyms(names, names[0], configs));
  const live = (topic.settings as Readonly<Record<string, unknown>>)[name];
  return {
    name,
    value: given[0]?.value ?? formatSetting(row, live),
    source: synonyms[0]?.source ?? "default",
    isReadOnly: false,
    isSensitive: false,
    type: row.type,
    help: row.help,
    synonyms,
  };
}
