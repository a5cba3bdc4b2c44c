import type { Setting } from "../../base/settings/setting.ts";
import { formatSetting } from "../../base/settings/parse-setting.ts";
import { topicSettings } from "../../base/settings/topic-settings.ts";
import type { Topic } from "../topics/live-topic.ts";
import type { BrokerConfigs } from "./broker-configs.ts";
import { type ConfigSynonym, type DescribedConfig, nodeSynonyms } from "./described-config.ts";
import { synonymsOf } from "./topic-defaults.ts";

const rows = Object.entries(topicSettings as Readonly<Record<string, Setting<unknown>>>).sort(
  ([a], [b]) => (a < b ? -1 : 1),
);

/** Every config of a topic, sorted by name. Internal ones show only where somebody set them. */
export function describeTopicConfigs(
  topic: Pick<Topic, "configs" | "settings">,
  configs: BrokerConfigs,
): readonly DescribedConfig[] {
  return rows
    .filter(([name, row]) => row.isInternal !== true || topic.configs.has(name))
    .map(([name, row]) => describe(name, row, topic, configs));
}

function describe(
  name: string,
  row: Setting<unknown>,
  topic: Pick<Topic, "configs" | "settings">,
  configs: BrokerConfigs,
): DescribedConfig {
  const own = topic.configs.get(name);
  const synonyms: ConfigSynonym[] = [];
  if (own !== undefined) synonyms.push({ name, value: own, source: "topic" });
  const names = synonymsOf(name).map((synonym) => synonym.name);
  if (names[0] !== undefined) synonyms.push(...nodeSynonyms(names, names[0], configs));
  const live = (topic.settings as Readonly<Record<string, unknown>>)[name];
  return {
    name,
    value: own ?? formatSetting(row, live),
    source: synonyms[0]?.source ?? "default",
    isReadOnly: false,
    isSensitive: false,
    type: row.type,
    help: row.help,
    synonyms,
  };
}
