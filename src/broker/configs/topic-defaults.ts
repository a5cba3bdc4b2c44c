import { assert } from "../../base/assert.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { parseSetting } from "../../base/settings/parse-setting.ts";
import type { Setting } from "../../base/settings/setting.ts";
import { topicSettings, type TopicSettings } from "../../base/settings/topic-settings.ts";

/** A node setting that may give a topic setting's default, and what one unit of it is worth. */
export interface Synonym {
  readonly name: keyof NodeSettings;
  readonly factor: number;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;

/** Topic settings with several names on the node; the first one that is set counts. */
const severalNames: Readonly<Record<string, readonly Synonym[]>> = {
  "retention.ms": [
    { name: "log.retention.ms", factor: 1 },
    { name: "log.retention.minutes", factor: minuteMs },
    { name: "log.retention.hours", factor: hourMs },
  ],
  "segment.ms": [
    { name: "log.roll.ms", factor: 1 },
    { name: "log.roll.hours", factor: hourMs },
  ],
  "segment.jitter.ms": [
    { name: "log.roll.jitter.ms", factor: 1 },
    { name: "log.roll.jitter.hours", factor: hourMs },
  ],
  "flush.ms": [
    { name: "log.flush.interval.ms", factor: 1 },
    { name: "log.flush.scheduler.interval.ms", factor: 1 },
  ],
};

const topicRows: Readonly<Record<string, Setting<unknown>>> = topicSettings;

/** A topic setting's row by a name from outside; undefined when there is none. */
export function findTopicSetting(name: string): Setting<unknown> | undefined {
  return Object.hasOwn(topicRows, name) ? topicRows[name] : undefined;
}

/** The node settings behind a topic setting's default, the one that counts most first. */
export function synonymsOf(name: string): readonly Synonym[] {
  const brokerName = findTopicSetting(name)?.brokerName as keyof NodeSettings | undefined;
  return severalNames[name] ?? (brokerName === undefined ? [] : [{ name: brokerName, factor: 1 }]);
}

/** All node settings that give the same default as this one, itself included. */
export function synonymFamily(name: keyof NodeSettings): readonly (keyof NodeSettings)[] {
  for (const family of Object.values(severalNames)) {
    if (family.some((synonym) => synonym.name === name)) return family.map((one) => one.name);
  }
  return [name];
}

/** What a topic has that sets nothing, on a node with these settings. */
export function topicDefaults(node: NodeSettings): TopicSettings {
  const values = Object.entries(topicRows).map(([name, row]) => [name, defaultOf(name, row, node)]);
  return Object.freeze(Object.fromEntries(values)) as TopicSettings;
}

/** A topic's settings: its own values over the defaults. The texts have been checked before. */
export function overrideTopicSettings(
  defaults: TopicSettings,
  overrides: ReadonlyMap<string, string>,
): TopicSettings {
  if (overrides.size === 0) return defaults;
  const values: Record<string, unknown> = { ...defaults };
  for (const [name, text] of overrides) {
    const row = findTopicSetting(name);
    assert(row !== undefined, `the topic setting ${name} was never checked`);
    values[name] = parseSetting(name, row, text);
  }
  return Object.freeze(values) as TopicSettings;
}

function defaultOf(name: string, row: Setting<unknown>, node: NodeSettings): unknown {
  for (const synonym of synonymsOf(name)) {
    const value = node[synonym.name];
    if (value === null) continue;
    if (synonym.factor === 1 || typeof value !== "number") return value;
    return value < 0 ? -1 : value * synonym.factor;
  }
  return row.initial;
}
