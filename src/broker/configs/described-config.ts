import type { SettingType } from "../../base/settings/setting.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { formatSetting } from "../../base/settings/parse-setting.ts";
import { type BrokerConfigs, findNodeSetting } from "./broker-configs.ts";
import type { Configs } from "./config-store.ts";

/** Where a value comes from, in Kafka's order of precedence. */
export type ConfigSource =
  | "topic"
  | "bucket"
  | "dynamicBroker"
  | "dynamicDefault"
  | "static"
  | "default"
  | "group";

/** One place that gives a config a value; the first of a list is the one that counts. */
export interface ConfigSynonym {
  readonly name: string;
  readonly value: string | null;
  readonly source: ConfigSource;
}

/** A config as an administrator sees it. `value` is null when it is secret or not set. */
export interface DescribedConfig {
  readonly name: string;
  readonly value: string | null;
  readonly source: ConfigSource;
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
  readonly type: SettingType;
  readonly help: string;
  readonly synonyms: readonly ConfigSynonym[];
}

/**
 * What the node says about a setting of its own that goes by several names, in order of precedence.
 * Kafka's answer, oddities included: places come before names, and what comes before the first
 * place that has the first name is left out (semantics.md 12, Source).
 */
export function nodeSynonyms(
  names: readonly (keyof NodeSettings)[],
  own: string,
  configs: BrokerConfigs,
): readonly ConfigSynonym[] {
  const layers: readonly [ConfigSource, Configs][] = [
    ["dynamicBroker", configs.ofNode],
    ["dynamicDefault", configs.ofCluster],
    ["static", configs.given],
  ];
  const found: ConfigSynonym[] = [];
  for (const [source, texts] of layers) {
    for (const name of names) {
      const value = texts.get(name);
      if (value !== undefined) found.push({ name, value: shown(name, value), source });
    }
  }
  for (const name of names) {
    const row = findNodeSetting(name);
    if (row === undefined || row.initial === null) continue;
    found.push({ name, value: formatSetting(row, row.initial), source: "default" });
  }
  const first = found.findIndex((synonym) => synonym.name === own);
  return first < 0 ? [] : found.slice(first);
}

/** A secret's value never leaves. */
export function shown(name: string, value: string): string | null {
  return findNodeSetting(name)?.type === "password" ? null : value;
}
