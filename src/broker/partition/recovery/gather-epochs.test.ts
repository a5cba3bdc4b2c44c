import { describe, expect, test } from "vitest";
import { fromDisk, type LogWorld, openWorld } from "../../../../test/support/log-directory.ts";
import {
  appendHeld,
  type GovernedReplica,
  logBytes,
  openGoverned,
} from "../../../../test/support/replicas.ts";
import { decodeUtf8 } from "../../../base/text.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const path = "orders-0/leader-epoch-checkpoint";
/** Epochs of the batches of a log, in order. */
const epochs = [1, 1, 2, 4, 4, 4, 7, 7];
const ends = [
  { epoch: 1, endOffset: 2 },
  { epoch: 2, endOffset: 3 },
  { epoch: 4, endOffset: 6 },
  { epoch: 7, endOffset: 8 },
];
const layouts: [string, object][] = [
  ["one segment", {}],
  ["segments of three batches", { "internal.segment.bytes": 250 }],
  ["a segment each", { "internal.segment.bytes": 100 }],
];

interface Opened extends GovernedReplica {
  readonly world: LogWorld;
}

async function open(disk: SimulatedDisk, settings: object): Promise<Opened> {
  const world = await openWorld(disk, { settings: fromDisk });
  return { world, ...(await openGoverned(world, settings)) };
}

async function stopped(settings: object): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const { world, replica } = await open(disk, settings);
  for (const epoch of epochs) {
    replica.beginEpoch(epoch);
    await appendHeld(replica, ["value"]);
  }
  expect(replica.epochEnds()).toEqual(ends);
  await world.directory.close();
  return disk;
}

describe.each(layouts)("of a log in %s", (_, settings) => {
  test("a lost checkpoint of epochs is made again as it was", async () => {
    const disk = await stopped(settings);
    const before = decodeUtf8(disk.peek(path));
    disk.drop(path);
    for (let start = 0; start < 2; start += 1) {
      const { world, replica } = await open(disk, settings);
      expect(replica.epochEnds()).toEqual(ends);
      expect((await logBytes(replica)).length).toBeGreaterThan(8 * 61);
      expect(replica.unsoundFrom).toBeUndefined();
      await world.directory.close();
      expect(decodeUtf8(disk.peek(path))).toBe(before);
    }
  });

  test("so it is after a kill before anything was noted as flushed", async () => {
    const disk = await stopped(settings);
    const names = [path, ".kafka_cleanshutdown", "recovery-point-offset-checkpoint"];
    for (const name of names) disk.drop(name);
    const { world, replica } = await open(disk, settings);
    expect(replica.end).toBe(8);
    expect(replica.epochEnds()).toEqual(ends);
    await world.directory.close();
  });
});

test("a batch whose epoch rotted as well begins none", async () => {
  const disk = await stopped({});
  disk.drop(path);
  const log = "orders-0/00000000000000000000.log";
  const sizeBytes = disk.peek(log).length / epochs.length;
  // Of the fifth batch: no sum covers it.
  disk.spoil(log, 4 * sizeBytes + 12, Uint8Array.of(0, 0, 0, 6));
  const { world, replica } = await open(disk, {});
  expect(replica.epochEnds()).toEqual(ends);
  await world.directory.close();
});
