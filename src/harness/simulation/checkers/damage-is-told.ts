import { type Checker, Spoiled } from "./checker.ts";

/** What can leave holes among bytes that were never flushed. */
const tearing = new Set(["EIO sync", "power", "power while starting"]);

/** An offset is unreadable only where bits were flipped, or where a crash tore unsynced bytes. */
export const damageIsTold: Checker = (history) => {
  const spoiled = new Spoiled(history);
  const complaints: string[] = [];
  let mayBeTorn = false;
  let count = 0;
  for (const event of history) {
    if (event.kind === "unsyncedLost") mayBeTorn = true;
    if (event.kind === "fault") mayBeTorn ||= tearing.has(event.fault);
    if (event.kind === "readFailed") {
      count += 1;
      if (mayBeTorn || spoiled.has(event.partition, event.offset)) continue;
      complaints.push(
        `${event.partition}@${event.offset}: ${event.error}, and nothing was spoiled`,
      );
    }
  }
  return { complaints, count };
};
