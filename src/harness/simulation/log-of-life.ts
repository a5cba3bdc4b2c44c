import type { Log } from "../../base/log.ts";

/** The log of one life of a process: a dead one says nothing. */
export function logOfLife(log: Log, isDead: () => boolean): Log {
  const alive =
    (level: keyof Log): Log["info"] =>
    (message, fields) => {
      if (!isDead()) log[level](message, fields);
    };
  return {
    debug: alive("debug"),
    info: alive("info"),
    warn: alive("warn"),
    error: alive("error"),
  };
}
