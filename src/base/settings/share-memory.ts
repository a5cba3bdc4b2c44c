import { defaultNodeSettings, type NodeSettings } from "./node-settings.ts";

type ByteSetting = {
  [Name in keyof NodeSettings]: NodeSettings[Name] extends number ? Name : never;
}[keyof NodeSettings];

/** What each bound gets of `memory.budget`; together the whole. */
const parts: Readonly<Partial<Record<ByteSetting, number>>> = {
  "log.tail.cache.max.bytes": 3 / 32,
  "log.index.cache.max.bytes": 2 / 32,
  "log.read.buffers.max.bytes": 2 / 32,
  "log.append.pending.total.max.bytes": 4 / 32,
  "fetch.memory.max.bytes": 5 / 32,
  "grpc.memory.max.bytes": 2 / 32,
  "http.answers.memory.max.bytes": 2 / 32,
  "http.requests.memory.max.bytes": 2 / 32,
  "idempotency.keys.max": 1 / 64,
  "live.backlog.max.bytes": 2 / 32,
  "live.shared.max.bytes": 1 / 64,
  "log.cleaner.dedupe.buffer.size": 3 / 32,
  "queued.max.request.bytes": 4 / 32,
};

/** Bytes of one of those bounds that count something else. A key: a guess on the large side. */
const unitBytes: Readonly<Partial<Record<ByteSetting, number>>> = { "idempotency.keys.max": 256 };

/** Bounds of one connection or partition, which stay below the one that all of them share. */
const parent = {
  "log.append.pending.max.bytes": "log.append.pending.total.max.bytes",
  "fetch.max.bytes": "fetch.memory.max.bytes",
  "peer.window.bytes": "log.append.pending.total.max.bytes",
  "grpc.message.max.bytes": "grpc.memory.max.bytes",
  "http.read.max.bytes": "http.answers.memory.max.bytes",
  "http.request.max.bytes": "http.requests.memory.max.bytes",
  "queued.max.response.bytes": "fetch.memory.max.bytes",
  "socket.request.max.bytes": "queued.max.request.bytes",
  "websocket.message.max.bytes": "http.requests.memory.max.bytes",
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
    const unit = unitBytes[name as ByteSetting] ?? 1;
    shares.set(name as ByteSetting, Math.floor(((budgetBytes - storeBytes) * part) / unit));
  }
  for (const [name, of] of Object.entries(parent)) {
    const initial = defaultNodeSettings[name as keyof typeof parent];
    shares.set(name as ByteSetting, Math.min(initial, shares.get(of) as number));
  }
  return shares;
}
