import { XylemError } from "../../base/errors.ts";
import { parseTime } from "../../base/parse-time.ts";
import { checkLatest } from "../latest-known.ts";
import type { PartitionLog } from "../partition/partition-log.ts";

/**
 * Where a read begins: an offset, an end of the log, so many offsets before its end, or the first
 * record at or after a time.
 */
export type Position =
  | number
  | "earliest"
  | "latest"
  | { readonly last: number }
  | { readonly timeMs: number };

/**
 * A position as doors write it: `42`, `earliest`, `latest`, `-5` (the last five), `@1767225600000`
 * (milliseconds since 1970) or `@2026-01-01T00:00:00Z`. Throws INVALID_REQUEST.
 */
export function parsePosition(text: string): Position {
  if (text === "earliest" || text === "latest") return text;
  if (/^\d+$/.test(text)) return safe(Number(text), text);
  if (/^-\d+$/.test(text)) return { last: safe(Number(text.slice(1)), text) };
  if (text.startsWith("@")) return { timeMs: timeOf(text.slice(1)) };
  throw badPosition(text);
}

function timeOf(text: string): number {
  const timeMs = /^\d+$/.test(text) ? Number(text) : parseTime(text);
  if (timeMs === undefined) throw badPosition(`@${text}`);
  return safe(timeMs, `@${text}`);
}

function safe(value: number, text: string): number {
  if (Number.isSafeInteger(value)) return value;
  throw badPosition(text);
}

function badPosition(text: string): XylemError {
  const forms = "an offset, earliest, latest, -N for the last N, or @ and a time";
  return new XylemError("INVALID_REQUEST", `"${text}" is no position: it is ${forms}`);
}

/**
 * The offset that a position stands for in a partition, as read committed sees it; a number stands
 * for itself, in the log or not. A time after the last record is the end. Throws
 * OFFSET_NOT_AVAILABLE for what counts from the end, while a new head does not know it.
 */
export async function resolvePosition(log: PartitionLog, position: Position): Promise<number> {
  if (typeof position === "number") return position;
  await log.load("facts");
  const { logStart, lastStable } = log;
  if (position === "earliest") return logStart;
  if (typeof position === "string" || "last" in position) checkLatest(log);
  if (position === "latest") return lastStable;
  if ("last" in position) return Math.max(logStart, lastStable - position.last);
  const found = await log.findByTimestamp(position.timeMs, lastStable);
  if (found === undefined) checkLatest(log);
  return found === undefined ? log.lastStable : Math.min(found.offset, log.lastStable);
}
