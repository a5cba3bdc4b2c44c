import { defaultNodeSettings, type NodeSettings } from "./node-settings.ts";

type ByteSetting = {
  [Name in keyof NodeSettings]: NodeSettings[Name] extends number ? Name : never;
}[keyof NodeSettings];

/** What each bound gets of `memory.budget`; together the whole. */
const parts: Readonly<Partial<Record<ByteSetting, number>>> = {
  "log.tail.cache.max.bytes": 1 / 8,
  "log.index.cache.max.bytes": 1 / 16,
  "log.read.buffers.max.bytes": 1 / 16,
  "log.append.pending.total.max.bytes": 1 / 8,
  "fetch.memory.max.bytes": 3 / 16,
  "http.answers.memory.max.bytes": 1 / 16,
  "http.requests.memory.max.bytes": 1 / 16,
  "log.cleaner.dedupe.buffer.size": 1 / 8,
  "queued.max.request.bytes": 3 / 16,
};

/** Bounds of one connection or partition, which stay below the one that all of them share. */
const parent = {
  "log.append.pending.max.bytes": "log.append.pending.total.max.bytes",
  "fetch.max.bytes": "fetch.memory.max.bytes",
  "peer.window.bytes": "log.append.pending.total.max.bytes",
  "http.read.max.bytes": "http.answers.memory.max.bytes",
  "http.request.max.bytes": "http.requests.memory.max.bytes",
  "queued.max.response.bytes": "fetch.memory.max.bytes",
  "socket.request.max.bytes": "queued.max.request.bytes",
} as const;

/** Of a node in memory the records get this part of the budget; the rest is for all else. */
const storePart = 1 / 2;

/**
 * The bounds that follow from a budget. It counts the buffers that grow with the load: the process
 * itself takes about 100 MiB beside them.
 */
export function shareMemory(
  budgetBytes: number,
  isInMemory: boolean,
): ReadonlyMap<keyof NodeSettings, number> {
  const shares = new Map<keyof NodeSettings, number>();
  const storeBytes = isInMemory ? budgetBytes * storePart : 0;
  if (isInMemory) shares.set("memory.store.max.bytes", Math.floor(storeBytes));
  for (const [name, part] of Object.entries(parts)) {
    shares.set(name as ByteSetting, Math.floor((budgetBytes - storeBytes) * part));
  }
  for (const [name, of] of Object.entries(parent)) {
    const initial = defaultNodeSettings[name as keyof typeof parent];
    shares.set(name as ByteSetting, Math.min(initial, shares.get(of) as number));
  }
  return shares;
}
