import { XylemError } from "../../base/errors.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";

/** What a client wants of one read; what it does not say is as usual. */
export interface ReadWish {
  readonly limit?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly waitMs?: number | undefined;
}

export interface ReadLimits {
  readonly limit: number;
  readonly maxBytes: number;
  readonly waitMs: number;
}

type Settings = Pick<
  NodeSettings,
  "http.read.max.bytes" | "http.read.max.records" | "http.wait.max.ms"
>;

const limitInitial = 100;
const sizeBytesInitial = 1_048_576;

/**
 * What every read by whatever door is bounded by. Who does not say how many records gets `initial`.
 * Throws INVALID_REQUEST, naming the setting.
 */
export function readLimits(
  settings: Settings,
  { limit, maxBytes, waitMs }: ReadWish,
  initial = limitInitial,
): ReadLimits {
  const {
    "http.read.max.records": recordsMax,
    "http.read.max.bytes": bytesMax,
    "http.wait.max.ms": waitMsMax,
  } = settings;
  check(limit, recordsMax, "the limit", "records: http.read.max.records");
  check(maxBytes, bytesMax, "the size", "bytes: http.read.max.bytes");
  check(waitMs, waitMsMax, "the wait", "ms: http.wait.max.ms");
  return {
    limit: limit ?? Math.min(initial, recordsMax),
    maxBytes: maxBytes ?? Math.min(sizeBytesInitial, bytesMax),
    waitMs: waitMs ?? 0,
  };
}

function check(asked: number | undefined, most: number, what: string, unit: string): void {
  if (asked === undefined || (asked >= 0 && asked <= most)) return;
  throw new XylemError("INVALID_REQUEST", `${what} of a read is 0 to ${most} ${unit}`);
}
