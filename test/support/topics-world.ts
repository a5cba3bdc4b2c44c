import { type Log, silentLog } from "../../src/base/log.ts";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { mergeSettings } from "../../src/base/settings/merge-settings.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { BrokerConfigs } from "../../src/broker/configs/broker-configs.ts";
import { Snapshots } from "../../src/broker/copies/snapshots.ts";
import { LazyStorage } from "../../src/broker/partition/lazy/lazy-storage.ts";
import { LogDirectory } from "../../src/broker/partition/directory/log-directory.ts";
import type { PartitionSource } from "../../src/broker/partition/lazy/partition-source.ts";
import type { PartitionLog } from "../../src/broker/partition/partition-log.ts";
import type { Disk } from "../../src/broker/ports/disk.ts";
import { Topics } from "../../src/broker/topics/topics.ts";
import { LocalCoordinator } from "../../src/coordination/local/local-coordinator.ts";
import { tools } from "./log-directory.ts";

/** Topics with their logs on a disk, as a node has them below its doors. */
export interface TopicsWorld {
  readonly disk: Disk;
  readonly clock: VirtualClock;
  readonly coordinator: LocalCoordinator;
  readonly directory: LogDirectory;
  /** The partitions, for work nobody waits for. */
  readonly background: PartitionSource;
  readonly topics: Topics;
  readonly snapshots: Snapshots;
  create(name: string, configs?: Record<string, string>, partitions?: number): Promise<void>;
  partition(topic: string, index?: number): PartitionLog;
  close(): Promise<void>;
}

const quiet = { signal: { aborted: false }, progress: () => undefined };

/** A snapshot of a world on a disk that is empty. */
export function snapshotOnto(world: TopicsWorld, disk: Disk) {
  const openCoordinator = () =>
    LocalCoordinator.open({ disk, crc32c: tools.crc32c, log: silentLog });
  return world.snapshots.take({ disk, openCoordinator }, quiet);
}

export interface TopicsWorldOptions {
  readonly log?: Log;
  /** Partitions are opened at first use, as in a node. */
  readonly isLazy?: boolean;
}

export async function openTopicsWorld(
  disk: Disk,
  { log = silentLog, isLazy = false }: TopicsWorldOptions = {},
): Promise<TopicsWorld> {
  const clock = new VirtualClock();
  const random = new SeededRandom(7);
  const { settings, given } = mergeSettings([{ origin: "the test", texts: new Map() }]);
  const coordinator = await LocalCoordinator.open({ disk, crc32c: tools.crc32c, log });
  const configs = await BrokerConfigs.open({ coordinator, nodeId: 1, settings, given });
  const directory = await LogDirectory.open({ disk, settings, clock, random, log, ...tools });
  const lazy = new LazyStorage({ directory, settings, clock, log });
  const storage = isLazy ? lazy : directory;
  const topics = await Topics.open({ coordinator, storage, configs, clock, random, log });
  const logs = { disk, settings, clock, random, log, ...tools };
  const snapshots = new Snapshots({
    ...logs,
    coordinator,
    configs,
    topics,
    meta: directory.meta,
    partitions: storage,
  });
  return {
    snapshots,
    disk,
    clock,
    coordinator,
    directory,
    background: isLazy ? lazy.background : directory,
    topics,
    create: async (name, own = {}, partitions = 1) => {
      await topics.create({ name, partitions, replicas: 1, configs: new Map(Object.entries(own)) });
    },
    partition: (topic, index = 0) => {
      const found = topics.find(topic)?.partitions[index];
      if (found === undefined) throw new Error(`there is no ${topic}-${index}`);
      return found;
    },
    close: async () => {
      await topics.close();
      await storage.close();
      await coordinator.close();
    },
  };
}
