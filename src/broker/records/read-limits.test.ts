import { expect, test } from "vitest";
import { defaultNodeSettings } from "../../base/settings/node-settings.ts";
import { readLimits } from "./read-limits.ts";

const settings = { ...defaultNodeSettings, "http.read.max.records": 500 };

test("who says nothing gets what is usual, within the bounds", () => {
  expect(readLimits(settings, {})).toEqual({ limit: 100, maxBytes: 1_048_576, waitMs: 0 });
  expect(readLimits(settings, {}, 1_000).limit).toBe(500);
});

test.each([
  [{ limit: 501 }, "http.read.max.records"],
  [{ limit: -1 }, "http.read.max.records"],
  [{ maxBytes: 16_777_217 }, "http.read.max.bytes"],
  [{ waitMs: 60_001 }, "http.wait.max.ms"],
])("%o is refused by the name of its setting", (wish, setting) => {
  expect(() => readLimits(settings, wish)).toThrow(setting);
});
