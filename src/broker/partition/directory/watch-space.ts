import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { AppendRoom } from "../append/append-room.ts";
import type { BackgroundWork } from "./background-work.ts";

/** Asks the disk now, and at an interval wherever it may come to have no room. */
export async function watchSpace(
  room: AppendRoom,
  settings: NodeSettings,
  background: BackgroundWork,
): Promise<void> {
  await room.look();
  let isWatched = false;
  const watch = (): void => {
    const intervalMs = settings["log.disk.check.interval.ms"];
    if (!isWatched) background.every(intervalMs, () => room.look());
    isWatched = true;
  };
  if (room.freeBytes < Infinity || settings["log.disk.max.bytes"] >= 0) watch();
  // A disk that does not say how much it has left may refuse something all the same.
  else room.onFull(watch);
}
