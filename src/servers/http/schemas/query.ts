import { parseDuration } from "../../../base/duration.ts";
import { XylemError } from "../../../base/errors.ts";
import { type Schema, text } from "./schema.ts";

/** A query parameter such as `30s`, `250ms` or `1m30s`; a plain number is milliseconds. */
export function timeSpan(description: string): Schema<string> {
  return text({ description, pattern: "^(\\d{1,9}|(\\d{1,6}(ms|[smhd]))+)$", examples: ["30s"] });
}

/** No client waits for longer. */
const timeSpanMsMax = 3_600_000;

/** Milliseconds of a time span that passed its schema. Throws INVALID_REQUEST above an hour. */
export function parseTimeSpan(span: string | undefined, initialMs: number, name: string): number {
  if (span === undefined) return initialMs;
  const spanMs = parseDuration(span);
  if (spanMs <= timeSpanMsMax) return spanMs;
  throw new XylemError("INVALID_REQUEST", `${name} is at most ${timeSpanMsMax} ms.`);
}
