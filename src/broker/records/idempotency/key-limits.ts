import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { KeyLimits } from "../../../log/idempotency/key-table.ts";

export function keyLimits(settings: NodeSettings): KeyLimits {
  return {
    countMax: settings["idempotency.keys.max.per.partition"],
    ageMsMax: settings["idempotency.key.expiration.ms"],
  };
}
