import { readFileSync } from "node:fs";
import type { Log } from "../base/log.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";

/** For what is neither a connection nor a log file: the listener, checkpoints, Node's own. */
const ownDescriptors = 96;
/** Node has some 28 of its own, and up to 32 calls open a file or a folder for a moment. */
const ownDescriptorsMin = 60;
const openFilesMin = 16;

export interface DescriptorShares {
  readonly connectionsMax: number;
  readonly openFilesMax: number;
}

/**
 * Fits the bounds on connections and open log files to the descriptors that the process may have:
 * running out of them would refuse appends and connections at random. Files give way first; they
 * are opened again when they are used.
 */
export function shareDescriptors(limit: number, wanted: DescriptorShares): DescriptorShares {
  const own = Math.min(ownDescriptors, Math.max(ownDescriptorsMin, Math.floor(limit / 2)));
  const left = limit - own;
  const { connectionsMax, openFilesMax } = wanted;
  if (connectionsMax + openFilesMax <= left) return wanted;
  const rest = Math.max(left - connectionsMax, Math.floor(left / 2), openFilesMin);
  const files = Math.min(openFilesMax, rest);
  return { connectionsMax: Math.max(1, left - files), openFilesMax: files };
}

/** The settings of a node whose process may have fewer descriptors than they want. */
export function fitDescriptors(settings: NodeSettings, log: Log): NodeSettings {
  const limit = readDescriptorLimit();
  if (limit === undefined) return settings;
  const openFilesMax = settings.memory ? 0 : settings["log.open.files.max"];
  const wanted = { connectionsMax: settings["max.connections"], openFilesMax };
  const shares = shareDescriptors(limit, wanted);
  if (shares === wanted) return settings;
  log.warn("the process may have fewer descriptors than the settings want (ulimit -n)", {
    limit,
    "max.connections": shares.connectionsMax,
    "log.open.files.max": shares.openFilesMax,
  });
  return {
    ...settings,
    "max.connections": shares.connectionsMax,
    "log.open.files.max": Math.max(openFilesMin, shares.openFilesMax),
  };
}

/** Node raises the soft limit to the hard one when it starts. Undefined: nobody says. */
function readDescriptorLimit(): number | undefined {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return line === null ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}
