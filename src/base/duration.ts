const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of `31s`, `1h30m` or `250ms`; a number is milliseconds already. Throws a RangeError
 * on anything else, negative spans included.
 */
export function parseDuration(duration: number | string): number {
  if (typeof duration === "number") return checkedMs(duration, String(duration));
  if (/^\d+$/.test(duration)) return Number(duration);
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(duration)) throw notADuration(duration);
  let sumMs = 0;
  for (const part of duration.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    sumMs += Number(part[1]) * (unitsMs[part[2] ?? ""] ?? Number.NaN);
  }
  return checkedMs(sumMs, duration);
}

function checkedMs(durationMs: number, text: string): number {
  if (!Number.isFinite(durationMs) || durationMs < 0) throw notADuration(text);
  return durationMs;
}

function notADuration(text: string): RangeError {
  return new RangeError(`"${text}" is no duration: say 250ms, 31s, 5m, 1h30m or 7d`);
}
