import type { NodeSettings } from "../../base/settings/node-settings.ts";

/** Who takes less in `live.slow.reader.ms` is slow. */
const sizeBytesPerTurn = 1_048_576;

type SlowReader = Pick<NodeSettings, "live.slow.reader.ms">;

/** How long a client of whatever door may need to take an answer before it is cut off. */
export function timeToTakeMs(sizeBytes: number, settings: SlowReader): number {
  const turns = Math.max(1, Math.ceil(sizeBytes / sizeBytesPerTurn));
  return turns * settings["live.slow.reader.ms"];
}
