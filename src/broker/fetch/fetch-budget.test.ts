import { expect, test } from "vitest";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import {
  append,
  fromDisk,
  memoryDisk,
  openWorld,
  tools,
} from "../../../test/support/log-directory.ts";
import { silentLog } from "../../base/log.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { mergeSettings } from "../../base/settings/merge-settings.ts";
import { LocalCoordinator } from "../../coordination/local/local-coordinator.ts";
import { BrokerConfigs } from "../configs/broker-configs.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { Topics } from "../topics/topics.ts";
import { FetchBudget } from "./fetch-budget.ts";
import { FetchPartition } from "./fetch-partition.ts";
import { FetchPass } from "./fetch-pass.ts";

async function topicsOn(disk: SimulatedDisk): Promise<Topics> {
  const { directory: storage, clock } = await openWorld(disk, { settings: fromDisk });
  const { crc32c } = tools;
  const coordinator = await LocalCoordinator.open({ disk: memoryDisk(), crc32c, log: silentLog });
  const configs = await BrokerConfigs.open({ coordinator, nodeId: 1, ...mergeSettings([]) });
  const random = new SeededRandom(1);
  return Topics.open({ coordinator, storage, configs, clock, random, log: silentLog });
}

test("reads from a slow disk that go on side by side share the budget", async () => {
  const disk = new SimulatedDisk();
  const topics = await topicsOn(disk);
  const asked = { name: "orders", partitions: 1, replicas: 1, configs: new Map() };
  const topic = await topics.create(asked);
  const log = topic.partitions[0] as PartitionLog;
  for (let count = 0; count < 10; count += 1) await append(log, ["x".repeat(1_000)]);

  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  disk.fault = (operation) => (operation === "read" ? gate : undefined);
  const budget = new FetchBudget(() => 5_000);
  const limits = { sizeBytesMax: 1e6, readCommitted: false, budget };
  const anyEpoch = { currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
  const passes = [1, 2, 3].map(() => {
    const wanted = new FetchPartition(topic, 0, { fetchOffset: 0, sizeBytesMax: 1e6, ...anyEpoch });
    return new FetchPass(topics, [wanted], limits);
  });
  const runs = passes.map((pass) => pass.run());
  expect(budget.bytes).toBe(5_000);
  open();
  for (const run of runs) await run;
  const batchBytes = log.sizeBytes / 10;
  expect(passes.map(({ sizeBytes }) => sizeBytes / batchBytes)).toEqual([4, 1, 1]);
  expect(budget.bytes).toBe(6 * batchBytes);
  for (const pass of passes) pass.release();
  expect(budget.bytes).toBe(0);
});
