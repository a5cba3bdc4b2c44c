import { beforeEach, expect, test } from "vitest";
import { append, memoryDisk, openWorld, tools } from "../../../test/support/log-directory.ts";
import { silentLog } from "../../base/log.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { mergeSettings } from "../../base/settings/merge-settings.ts";
import type { VirtualClock } from "../../base/virtual-clock.ts";
import { LocalCoordinator } from "../../coordination/local/local-coordinator.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { Broker } from "../broker.ts";
import { BrokerConfigs } from "../configs/broker-configs.ts";
import { Deadlines } from "../deadlines.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import { Topics } from "../topics/topics.ts";
import { Fetch } from "./fetch.ts";
import { FetchPartition } from "./fetch-partition.ts";

let disk: SimulatedDisk;
let clock: VirtualClock;
let broker: Broker;
let topic: Topic;
let log: PartitionLog;

beforeEach(async () => {
  disk = new SimulatedDisk();
  const world = await openWorld(disk);
  clock = world.clock;
  const { crc32c } = tools;
  const coordinator = await LocalCoordinator.open({ disk: memoryDisk(), crc32c, log: silentLog });
  const configs = await BrokerConfigs.open({ coordinator, nodeId: 1, ...mergeSettings([]) });
  const random = new SeededRandom(1);
  const storage = world.directory;
  const parts = { coordinator, storage, configs, clock, random, log: silentLog };
  const topics = await Topics.open(parts);
  // A fetch knows nothing else of a broker.
  const { settings } = configs;
  broker = { topics, settings, deadlines: new Deadlines(clock) } as unknown as Broker;
  topic = await topics.create({ name: "orders", partitions: 1, replicas: 1, configs: new Map() });
  log = topic.partitions[0] as PartitionLog;
  await append(log, ["first"]);
});

/** A fetch at the end of the log that would wait for a minute. */
function fetchAtEnd(minBytes: number) {
  const anyEpoch = { currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
  const wanted = new FetchPartition(topic, 0, { fetchOffset: 1, sizeBytesMax: 1e6, ...anyEpoch });
  const limits = { maxWaitMs: 60_000, minBytes, maxBytes: 1e6, readCommitted: false };
  return { wanted, done: new Fetch(broker, limits, [wanted]).run() };
}

async function stop(): Promise<void> {
  disk.fault = (operation) => {
    if (operation === "sync") throw new Error("the disk is gone");
  };
  await expect(append(log, ["lost"])).rejects.toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
}

for (const minBytes of [1, 50_000]) {
  test(`a fetch that waits for ${minBytes} bytes learns that its partition stopped`, async () => {
    const { wanted, done } = fetchAtEnd(minBytes);
    expect(done).toBeInstanceOf(Promise);
    await stop();
    await done;
    expect(wanted.error?.code).toBe("KAFKA_STORAGE_ERROR");
    expect(broker.deadlines.count).toBe(0);
  });

  test(`a stopped partition keeps no fetch for ${minBytes} bytes waiting`, async () => {
    await stop();
    const { wanted, done } = fetchAtEnd(minBytes);
    await done;
    expect(wanted.error?.code).toBe("KAFKA_STORAGE_ERROR");
  });
}
