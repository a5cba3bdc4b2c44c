import { groupConfigSettings } from "../../base/settings/group-config-settings.ts";
import { formatSetting } from "../../base/settings/parse-setting.ts";
import type { Setting } from "../../base/settings/setting.ts";
import { groupKey, type ConfigStore } from "./config-store.ts";
import type { DescribedConfig } from "./described-config.ts";

const rows: Readonly<Record<string, Setting<unknown>>> = groupConfigSettings;

export function findGroupSetting(name: string): Setting<unknown> | undefined {
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}

/** Every config of a group, whether or not the group exists. */
export function describeGroupConfigs(
  group: string,
  store: ConfigStore,
): readonly DescribedConfig[] {
  const own = store.get(groupKey(group));
  return Object.entries(rows).map(([name, row]) => {
    const text = own.get(name);
    const initial = { name, value: formatSetting(row, row.initial), source: "default" } as const;
    const given = text === undefined ? [] : [{ name, value: text, source: "group" } as const];
    const synonyms = [...given, initial];
    return {
      name,
      value: text ?? initial.value,
      source: text === undefined ? "default" : "group",
      isReadOnly: false,
      isSensitive: false,
      type: row.type,
      help: row.help,
      synonyms,
    };
  });
}
