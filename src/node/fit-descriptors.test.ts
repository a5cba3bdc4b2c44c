import { expect, test } from "vitest";
import { shareDescriptors } from "./fit-descriptors.ts";

const wanted = { connectionsMax: 10_000, openFilesMax: 4_000 };

test("a limit that is wide enough changes nothing", () => {
  expect(shareDescriptors(14_096, wanted)).toBe(wanted);
});

test("files give way before connections do", () => {
  const shares = shareDescriptors(12_096, { connectionsMax: 2_000, openFilesMax: 20_000 });
  expect(shares).toEqual({ connectionsMax: 2_000, openFilesMax: 10_000 });
});

test.each([1_024, 4_096, 256, 100])("under a limit of %d both have a share", (limit) => {
  const { connectionsMax, openFilesMax } = shareDescriptors(limit, wanted);
  expect(connectionsMax).toBeGreaterThan(0);
  expect(openFilesMax).toBeGreaterThanOrEqual(16);
  expect(connectionsMax + openFilesMax).toBeLessThanOrEqual(limit - 60);
});

test("a hundred descriptors leave more than one connection", () => {
  expect(shareDescriptors(100, wanted)).toEqual({ connectionsMax: 20, openFilesMax: 20 });
});

test("a node in memory has no files to share with", () => {
  const shares = shareDescriptors(1_024, { connectionsMax: 10_000, openFilesMax: 0 });
  expect(shares.connectionsMax).toBeGreaterThan(900);
});
