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

test("a replica does not begin before it is noted on the disk, at no try", async () => {
  const disk = new SimulatedDisk({ capacityBytes: 0 });
  const clock = new VirtualClock();
  const self = { id: 1, incarnation: "a" };
  const known = await KnownChains.open({ disk, log: silentLog, clock, self });
  const cluster = { restored: { isOfBackup: () => false } } as unknown as Cluster;
  const restored = new RestoredChains(cluster, known, () => {});
  const begin = (): Promise<void> => restored.begin("chains/t/0", config);
  await expect(begin()).rejects.toThrow(/full/);
  await expect(begin()).rejects.toThrow(/full/);
  disk.capacityBytes = 1_000_000;
  await begin();
  const again = await KnownChains.open({ disk, log: silentLog, clock, self });
  expect(again.find("chains/t/0")?.epoch).toBe(1);
  await known.close();
});
