import { expect, test } from "vitest";
import { encodeUtf8 } from "../../../base/text.ts";
import { formatOffsetCheckpoint } from "../../../log/text-checkpoint.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { areOvertaken, isOfAnother } from "./older-files.ts";

const path = "recovery-point-offset-checkpoint";
const idPath = "t-0/partition.metadata";

function filesOf(flushed: Record<string, number>, id = "one"): Map<string, Uint8Array> {
  const points = formatOffsetCheckpoint(new Map(Object.entries(flushed)));
  return new Map([
    [path, encodeUtf8(points)],
    [idPath, encodeUtf8(id)],
  ]);
}

async function isOvertaken(
  then: Map<string, Uint8Array>,
  now: Map<string, Uint8Array>,
  folder = "",
) {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("t-0");
  for (const [name, bytes] of now) disk.poke(name, bytes);
  return areOvertaken(then, disk, (name) => name === folder);
}

test("checkpoints may be as they were before a log grew", async () => {
  expect(await isOvertaken(filesOf({ "t-0": 3 }), filesOf({ "t-0": 9 }))).toBe(false);
  expect(await isOvertaken(filesOf({}), filesOf({ "t-0": 9 }))).toBe(false);
});

test("checkpoints are never as they were before a log that is there was cut", async () => {
  expect(await isOvertaken(filesOf({ "t-0": 9 }), filesOf({ "t-0": 3 }))).toBe(true);
  expect(await isOvertaken(filesOf({ "t-0": 9 }), filesOf({}))).toBe(true);
  expect(await isOvertaken(filesOf({ "gone-0": 9 }), filesOf({ "t-0": 3 }))).toBe(false);
  expect(await isOvertaken(filesOf({ "gone-0": 9 }), filesOf({ "t-0": 3 }), "gone-0")).toBe(true);
});

test("checkpoints are never as they were before a folder was another topic's", async () => {
  expect(await isOvertaken(filesOf({}, "one"), filesOf({}, "other"))).toBe(true);
});

test("checkpoints that could not be read say nothing of what was cut", async () => {
  const spoiled = filesOf({ "t-0": 3 }).set(path, encodeUtf8("7\n"));
  expect(await isOvertaken(spoiled, filesOf({ "t-0": 9 }))).toBe(false);
});

test("what says whose a folder is comes from no other folder", async () => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("t-0");
  disk.poke(idPath, encodeUtf8("one"));
  expect(isOfAnother(idPath, encodeUtf8("one"), disk)).toBe(false);
  expect(isOfAnother(idPath, encodeUtf8("former"), disk)).toBe(true);
  disk.poke(path, encodeUtf8("now"));
  expect(isOfAnother(path, encodeUtf8("before"), disk)).toBe(false);
});
