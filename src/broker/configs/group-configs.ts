import { groupConfigSettings } from "../../base/settings/group-config-settings.ts";
import { formatSetting } from "../../base/settings/parse-setting.ts";
import type { Setting } from "../../base/settings/setting.ts";
import type { BrokerConfigs } from "./broker-configs.ts";
import { groupKey } from "./config-store.ts";
import type { DescribedConfig } from "./described-config.ts";

const rows: Readonly<Record<string, Setting<unknown>>> = groupConfigSettings;

export function findGroupSetting(name: string): Setting<unknown> | undefined {
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}

/** Every config of a group, whether or not the group exists; the node's settings stand behind. */
export function describeGroupConfigs(
  group: string,
  { store, settings }: Pick<BrokerConfigs, "store" | "settings">,
): readonly DescribedConfig[] {
  const own = store.get(groupKey(group));
  const ofNode: Readonly<Record<string, unknown>> = { ...settings };
  return Object.entries(rows).map(([name, row]) => {
    const text = own.get(name);
    const behind = ofNode[`group.${name}`] ?? row.initial;
    const source = behind === row.initial ? "default" : "static";
    const initial = { name, value: formatSetting(row, behind), source } as const;
    const given = text === undefined ? [] : [{ name, value: text, source: "group" } as const];
    const synonyms = [...given, initial];
    return {
      name,
      value: text ?? initial.value,
      source: text === undefined ? source : "group",
      isReadOnly: false,
      isSensitive: false,
      type: row.type,
      help: row.help,
      synonyms,
    };
  });
}
