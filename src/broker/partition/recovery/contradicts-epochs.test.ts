import { describe, expect, test } from "vitest";
import { append, fromDisk, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const path = "orders-0/leader-epoch-checkpoint";
const segmented = { "internal.segment.bytes": 100 };

/** A disk with one batch a segment, or all in one, and the checkpoint of epochs that it has. */
async function stopped(settings: Readonly<Record<string, number>>): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings: fromDisk });
  const partition = await world.open("orders", settings);
  for (const value of ["a", "b", "c"]) await append(partition, [value]);
  await world.directory.close();
  expect(decodeUtf8(disk.peek(path))).toMatch(/^0\n1\n0 0[ \t]{32}\n$/);
  return disk;
}

describe.each([
  ["in one segment", {}],
  ["in a segment each", segmented],
])("a checkpoint that tells batches %s another epoch", (_, settings) => {
  test.each(["1 0", "4 0", "8 0"])("is not believed, and made anew: %s", async (entry) => {
    const disk = await stopped(settings);
    disk.poke(path, encodeUtf8(`0\n1\n${entry}\n`));
    const world = await openWorld(disk, { settings: fromDisk });
    const partition = await world.open("orders", settings);
    expect(await readValues(partition)).toEqual(["a", "b", "c"]);
    expect(await append(partition, ["d"])).toBe(3);
    await world.directory.close();
    expect(decodeUtf8(disk.peek(path))).toMatch(/^0\n1\n0 0[ \t]{32}\n$/);
  });
});

test("one batch of another epoch than its checkpoint tells is damaged itself", async () => {
  const disk = await stopped({});
  const log = "orders-0/00000000000000000000.log";
  disk.spoil(log, 12, Uint8Array.of(0, 0, 0, 4));
  const world = await openWorld(disk, { settings: fromDisk });
  const partition = await world.open("orders", {});
  const limits = { sizeBytesMax: 1_000, wholeFirst: true, upTo: 3 };
  const reading = Promise.resolve().then(() => partition.read(0, limits));
  await expect(reading).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
});

test.each([3, 4, 6, 20])("a spoiled checkpoint of epochs costs no record: byte %i", async (at) => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings: fromDisk });
  await append(await world.open("orders", {}), ["a"]);
  await world.directory.close();
  const byte = disk.peek(path)[at] as number;
  for (let bit = 0; bit < 8; bit += 1) {
    disk.spoil(path, at, Uint8Array.of(byte ^ (1 << bit)));
    disk.poke(".kafka_cleanshutdown", new Uint8Array(0));
    const again = await openWorld(disk, { settings: fromDisk });
    expect(await readValues(await again.open("orders", {}))).toEqual(["a"]);
    await again.directory.close();
  }
});

test("a last batch that begins an epoch stays when the checkpoint of epochs was lost", async () => {
  const disk = await stopped({});
  const log = "orders-0/00000000000000000000.log";
  const lastBatch = disk.peek(log).length - disk.peek(log).length / 3;
  // No sum covers a batch's epoch; nothing of the log was checked since it was written.
  disk.spoil(log, lastBatch + 12, Uint8Array.of(0, 0, 0, 4));
  disk.drop(path);
  for (const name of [".kafka_cleanshutdown", "recovery-point-offset-checkpoint"]) disk.drop(name);
  const world = await openWorld(disk, { settings: fromDisk });
  const partition = await world.open("orders", {});
  expect(await readValues(partition)).toEqual(["a", "b", "c"]);
  await world.directory.close();
});
