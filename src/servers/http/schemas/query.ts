import { parseDuration } from "../../../base/duration.ts";
import { XylemError } from "../../../base/errors.ts";
import { type Schema, text } from "./schema.ts";

/** A query parameter such as `30s`, `250ms` or `1m30s`; a plain number is milliseconds. */
export function timeSpan(description: string): Schema<string> {
  return text({ description, pattern: "^(\\d{1,9}|(\\d{1,6}(ms|[smhd]))+)$", examples: ["30s"] });
}

/** Milliseconds of a time span that passed its schema. Throws INVALID_REQUEST above the bound. */
export function parseTimeSpan(
  span: string | undefined,
  initialMs: number,
  name: string,
  bound: { readonly setting: string; readonly mostMs: number } = { setting: "", mostMs: 3_600_000 },
): number {
  if (span === undefined) return initialMs;
  const spanMs = parseDuration(span);
  if (spanMs <= bound.mostMs) return spanMs;
  const rule = bound.setting === "" ? "" : `, which is ${bound.setting}`;
  throw new XylemError("INVALID_REQUEST", `${name} is at most ${bound.mostMs} ms${rule}.`);
}

/** A count that passed its schema, below a bound that is a setting. Throws INVALID_REQUEST. */
export function parseCount(
  asked: number | undefined,
  initial: number,
  name: string,
  bound: { readonly setting: string; readonly most: number },
): number {
  const { setting, most } = bound;
  if (asked === undefined) return Math.min(initial, most);
  if (asked <= most) return asked;
  throw new XylemError("INVALID_REQUEST", `${name} is at most ${most}, which is ${setting}.`);
}
