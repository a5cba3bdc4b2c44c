import { expect, test } from "vitest";
import { silentLog } from "../../../base/log.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Cluster } from "../cluster.ts";
import { KnownChains } from "./known-chains.ts";
import { RestoredChains } from "./restored-chains.ts";

const config = {
  epoch: 1,
  members: [{ id: 1, incarnation: "a", lineage: "l" }],
  joining: [],
  leaving: [],
  unclean: 0,
  replicas: [1],
};

const key = "chains/t/0";
const self = { id: 1, incarnation: "a" };
const cluster = {
  restored: { isOfBackup: () => false, cover: () => Promise.resolve() },
} as unknown as Cluster;
const open = (disk: SimulatedDisk): Promise<KnownChains> =>
  KnownChains.open({ disk, log: silentLog, clock: new VirtualClock(), self });

test("a replica does not begin before it is noted on the disk, at no try", async () => {
  const disk = new SimulatedDisk({ capacityBytes: 0 });
  const known = await open(disk);
  const restored = new RestoredChains(cluster, known, () => {});
  const begin = (): Promise<void> => restored.begin(key, config);
  await expect(begin()).rejects.toThrow(/full/);
  await expect(begin()).rejects.toThrow(/full/);
  disk.capacityBytes = 1_000_000;
  await begin();
  const again = await open(disk);
  expect(again.find(key)?.epoch).toBe(1);
  await known.close();
});

test("what is known better is told in the epoch that it is better than", async () => {
  const known = await open(new SimulatedDisk());
  const told: unknown[] = [];
  const restored = new RestoredChains(cluster, known, (_place, newer) => told.push(newer));
  const place = { key, self, isStanding: () => true };
  restored.note(key, { ...config, epoch: 12 });
  await restored.tell(place, { ...config, epoch: 7 });
  await restored.tell(place, { ...config, epoch: 10_013 });
  const newer = { lastEpoch: -1, endOffset: 0, known: { epoch: 12, memberIds: [1], unclean: 0 } };
  expect(told).toEqual([{ kind: "fenced", epoch: 7, ...newer }, undefined]);
  await known.close();
});
