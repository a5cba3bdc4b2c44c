import { XylemError } from "../../base/errors.ts";
import { normalizeSetting } from "../../base/settings/parse-setting.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { findTopicSetting, overrideTopicSettings } from "./topic-defaults.ts";

/**
 * A topic's own configs as they are kept: known names, values in their plain form, the rules
 * between them fulfilled (semantics.md 12). Throws INVALID_CONFIG.
 */
export function checkTopicConfigs(
  configs: ReadonlyMap<string, string | null>,
  defaults: TopicSettings,
): ReadonlyMap<string, string> {
  const empty = [...configs].filter(([, value]) => value === null).map(([name]) => name);
  if (empty.length > 0) {
    throw new XylemError(
      "INVALID_CONFIG",
      `Null value not supported for topic configs: ${empty.join(", ")}`,
    );
  }
  const checked = new Map<string, string>();
  for (const [name, value] of configs) {
    const row = findTopicSetting(name);
    if (row === undefined) throw new XylemError("INVALID_CONFIG", `Unknown topic config: ${name}`);
    checked.set(name, normalizeSetting(name, row, value ?? ""));
  }
  checkRelations(overrideTopicSettings(defaults, checked));
  return checked;
}

function checkRelations(settings: TopicSettings): void {
  const least = settings["min.compaction.lag.ms"];
  const most = settings["max.compaction.lag.ms"];
  if (least > most) {
    throw new XylemError(
      "INVALID_CONFIG",
      `min.compaction.lag.ms (${least}) must not be above max.compaction.lag.ms (${most})`,
    );
  }
  if (settings["remote.storage.enable"]) {
    throw new XylemError("INVALID_CONFIG", "remote.storage.enable: there is no remote tier");
  }
}
