import { AppendBacklog } from "../append/append-backlog.ts";
import { AppendRoom } from "../append/append-room.ts";
import { DamageLog } from "../segment/damage-log.ts";
import { FlushScheduler } from "../append/flush-scheduler.ts";
import { IndexCache } from "../segment/index-cache.ts";
import type { LogDirectoryOptions } from "./log-directory.ts";
import { OpenFiles } from "../segment/open-files.ts";
import { ReadBuffers } from "../read/read-buffers.ts";
import { ReadsAhead } from "../read/reads-ahead.ts";
import { TailCache } from "../read/tail-cache.ts";

/** What the partitions of a data directory have together, so that it is bounded as one. */
export function directoryBounds(options: LogDirectoryOptions) {
  const { settings, clock } = options;
  // Half of them lies idle, half waits for readers.
  const readBytesMax = settings.memory ? 0 : settings["log.read.buffers.max.bytes"] / 2;
  const buffers = new ReadBuffers(readBytesMax);
  return {
    openFiles: new OpenFiles(settings["log.open.files.max"]),
    backlog: new AppendBacklog(settings["log.append.pending.total.max.bytes"]),
    indexes: new IndexCache(settings["log.index.cache.max.bytes"]),
    // A disk in memory hands out what it holds: nothing is kept twice.
    tails: new TailCache(settings.memory ? 0 : settings["log.tail.cache.max.bytes"]),
    buffers,
    readsAhead: new ReadsAhead(readBytesMax, buffers, clock),
    flushes: new FlushScheduler(settings["log.flush.parallel"]),
    room: new AppendRoom(options),
    damages: new DamageLog(options.log),
  };
}
