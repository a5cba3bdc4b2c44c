import { formatSetting } from "../../base/settings/parse-setting.ts";
import { type NodeSettings, nodeSettings } from "../../base/settings/node-settings.ts";
import type { Setting, SettingType } from "../../base/settings/setting.ts";
import { type BrokerConfigs, findNodeSetting } from "./broker-configs.ts";
import { type DescribedConfig, nodeSynonyms, shown } from "./described-config.ts";
import { kafkaOnlySettings } from "./kafka-only-settings.ts";
import { synonymFamily } from "./topic-defaults.ts";

const rows = Object.entries(nodeSettings as Readonly<Record<string, Setting<unknown>>>);

/**
 * Every config of this node, sorted by name: its settings, and those of Kafka's that tools look for
 * and that only one value fits here.
 */
export function describeBrokerConfigs(configs: BrokerConfigs): readonly DescribedConfig[] {
  const own = rows.map(([name, row]) => describe(name as keyof NodeSettings, row, configs));
  const others = kafkaOnlySettings.map((one) =>
    fixed(one.name, one.type, one.value(configs.settings)),
  );
  return [...own, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The dynamic defaults of all nodes: only those that are set. */
export function describeClusterConfigs(configs: BrokerConfigs): readonly DescribedConfig[] {
  return [...configs.ofCluster].map(([name, text]) => {
    const described = describe(
      name as keyof NodeSettings,
      findNodeSetting(name) as Setting<unknown>,
      configs,
    );
    const synonyms = described.synonyms.filter(({ source }) => source !== "dynamicBroker");
    return { ...described, value: shown(name, text), source: "dynamicDefault", synonyms };
  });
}

function describe(
  name: keyof NodeSettings,
  row: Setting<unknown>,
  configs: BrokerConfigs,
): DescribedConfig {
  const synonyms = nodeSynonyms(synonymFamily(name), name, configs);
  const isSensitive = row.type === "password";
  const [first] = synonyms;
  const live = formatSetting(row, configs.settings[name]);
  return {
    name,
    value: isSensitive ? null : first?.name === name ? first.value : live,
    source: first?.source ?? "default",
    isReadOnly: row.dynamic === undefined,
    isSensitive,
    type: row.type,
    help: row.help,
    synonyms,
  };
}

function fixed(name: string, type: SettingType, value: string | null): DescribedConfig {
  return {
    name,
    value,
    source: "default",
    isReadOnly: true,
    isSensitive: false,
    type,
    help: "Kept for Kafka's tools; it cannot be set.",
    synonyms: value === null ? [] : [{ name, value, source: "default" }],
  };
}
