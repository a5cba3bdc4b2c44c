const dayMs = 86_400_000;

const pattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?([Zz]|[+-]\d\d:\d\d)?)?$/;

/**
 * Milliseconds since 1970 of a date or time as RFC 3339 writes it. Seconds and zone may be left
 * out: without a zone it is UTC, on every machine. Undefined: it is none, or before 1970.
 */
export function parseTime(text: string): number | undefined {
  const found = pattern.exec(text);
  if (found === null) return undefined;
  const [year, month, day, hour, minute, second] = found
    .slice(1, 7)
    .map((digits) => Number(digits ?? 0)) as [number, number, number, number, number, number];
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
  if (!isDate || hour > 23 || minute > 59 || second > 59) return undefined;
  const offsetMinutes = minutesOf(found[8]);
  if (offsetMinutes === undefined) return undefined;
  const seconds = hour * 3_600 + (minute - offsetMinutes) * 60 + second;
  const milliseconds = Math.floor(Number(`0.${found[7] ?? 0}`) * 1_000);
  const timeMs = daysSince1970(year, month, day) * dayMs + seconds * 1_000 + milliseconds;
  return timeMs < 0 ? undefined : timeMs;
}

function minutesOf(zone: string | undefined): number | undefined {
  if (zone === undefined || zone.length === 1) return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Of the proleptic Gregorian calendar; years begin in March, so that leap days come last. */
function daysSince1970(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const monthFromMarch = (month + 9) % 12;
  const dayOfYear = Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  return shifted * 365 + leapDays + dayOfYear - 719_468;
}
