import { expect, test } from "vitest";
import { parsePoint } from "./log-point.ts";

test("a point is all there is, an offset or a time", () => {
  expect(parsePoint("latest")).toEqual({});
  expect(parsePoint("12")).toEqual({ offset: 12 });
  expect(parsePoint("2026-11-21T07:00Z")).toEqual({ timestampMs: Date.UTC(2026, 10, 21, 7) });
});

test.each(["", "-1", "yesterday", "1.5", "2026-13-45"])("%j is no point", (text) => {
  expect(() => parsePoint(text)).toThrow("is not latest, an offset or a time");
});
