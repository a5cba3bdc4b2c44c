import { CommandFailure, exitCodes } from "./exit-codes.ts";

/** A place in a log, by offset or by time; neither: its end. */
export interface LogPoint {
  readonly offset?: number;
  readonly timestampMs?: number;
}

export function parsePoint(text: string): LogPoint {
  if (text === "latest") return {};
  if (/^\d+$/.test(text)) return { offset: Number(text) };
  const timestampMs = Date.parse(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && timestampMs >= 0) return { timestampMs };
  throw new CommandFailure(`"${text}" is not latest, an offset or a time`, exitCodes.usage);
}
