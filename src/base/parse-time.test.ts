import fc from "fast-check";
import { expect, test } from "vitest";
import { parseTime } from "./parse-time.ts";

test("a time is read as the calendar of the host reads it", () => {
  const times = fc.integer({ min: 0, max: 253_402_300_799_999 });
  fc.assert(
    fc.property(times, (timeMs) => {
      expect(parseTime(new Date(timeMs).toISOString())).toBe(timeMs);
    }),
  );
});

test("zone, seconds and the time itself may be left out: it is UTC then", () => {
  const noon = Date.parse("2026-11-21T12:00:00Z");
  expect(parseTime("2026-11-21T12:00:00")).toBe(noon);
  expect(parseTime("2026-11-21T12:00")).toBe(noon);
  expect(parseTime("2026-11-21T14:30:00+02:30")).toBe(noon);
  expect(parseTime("2026-11-21T09:00:00.250-03:00")).toBe(noon + 250);
  expect(parseTime("2026-11-21")).toBe(noon - 12 * 3_600_000);
});

test.each([
  "2026-02-29",
  "2026-13-01",
  "2026-00-10",
  "2026-04-31T00:00Z",
  "2026-01-01T24:00Z",
  "2026-01-01T10:60Z",
  "2026-01-01T10:00+24:00",
  "1969-12-31T23:59:59Z",
  "2026-1-1",
  "today",
  "",
])("%j is no time", (text) => {
  expect(parseTime(text)).toBeUndefined();
});
