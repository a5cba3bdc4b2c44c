import { portableCrc32c } from "../../src/base/crc32c.ts";
import { silentLog, type Log } from "../../src/base/log.ts";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { mergeSettings } from "../../src/base/settings/merge-settings.ts";
import type { TopicSettings } from "../../src/base/settings/topic-settings.ts";
import type { Uuid } from "../../src/base/uuid.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { BrokerConfigs } from "../../src/broker/configs/broker-configs.ts";
import type { PartitionLog } from "../../src/broker/partition/partition-log.ts";
import type {
  FoundPartition,
  PartitionStorage,
  TopicKey,
} from "../../src/broker/ports/partition-storage.ts";
import { Topics } from "../../src/broker/topics/topics.ts";
import { LocalCoordinator } from "../../src/coordination/local/local-coordinator.ts";
import { MemoryDisk } from "../../src/storage/memory-disk.ts";

/** Topics and configs of one node over a memory disk, with partitions that only exist. */
export interface TopicRig {
  readonly disk: MemoryDisk;
  readonly coordinator: LocalCoordinator;
  readonly storage: ListedPartitions;
  readonly configs: BrokerConfigs;
  readonly topics: Topics;
  readonly lines: string[];
  readonly clock: VirtualClock;
  /** The same node after a stop: same disk, same partitions. */
  restart(given?: Record<string, string>): Promise<TopicRig>;
}

export const rigNodeId = 1;

export async function openTopicRig(given: Record<string, string> = {}): Promise<TopicRig> {
  const clock = new VirtualClock();
  const disk = new MemoryDisk({ sizeBytesMax: 64_000_000, clock });
  return await openOver({ disk, clock }, new ListedPartitions(), given);
}

async function openOver(
  machine: { readonly disk: MemoryDisk; readonly clock: VirtualClock },
  storage: ListedPartitions,
  texts: Record<string, string>,
): Promise<TopicRig> {
  const { disk, clock } = machine;
  const lines: string[] = [];
  const tell = (text: string): unknown => lines.push(text);
  const log: Log = { ...silentLog, info: tell, warn: tell, error: tell };
  const layer = { origin: "the test", texts: new Map(Object.entries(texts)) };
  const { settings, given } = mergeSettings([layer]);
  const coordinator = await LocalCoordinator.open({ disk, crc32c: portableCrc32c, log });
  const configs = await BrokerConfigs.open({ coordinator, nodeId: rigNodeId, settings, given });
  const random = new SeededRandom(disk.usedBytes);
  const topics = await Topics.open({ coordinator, storage, configs, clock, random, log });
  const restart = async (next: Record<string, string> = texts): Promise<TopicRig> => {
    await topics.close();
    await coordinator.close();
    return await openOver(machine, new ListedPartitions(storage.found), next);
  };
  return { disk, coordinator, storage, configs, topics, lines, clock, restart };
}

interface ListedPartition extends FoundPartition {
  readonly topicId: Uuid | undefined;
}

/** Partitions without records: what is open, what has a folder, and what fails. */
export class ListedPartitions implements PartitionStorage {
  readonly found: ListedPartition[];
  readonly settings = new Map<string, TopicSettings>();
  /** Open partitions that may have no gaps. */
  readonly dense = new Set<string>();
  failing: string | undefined;

  constructor(found: readonly ListedPartition[] = []) {
    this.found = [...found];
  }

  /** The open partitions, as `topic-index`. */
  get open(): readonly string[] {
    return [...this.settings.keys()].sort();
  }

  findPartitions(): readonly FoundPartition[] {
    return [...this.found];
  }

  async readTopicId({ topic, index }: FoundPartition): Promise<Uuid | undefined> {
    return this.found.find((one) => one.topic === topic && one.index === index)?.topicId;
  }

  async openPartition(
    { name, id, isDense }: TopicKey,
    index: number,
    settings: TopicSettings,
  ): Promise<PartitionLog> {
    const key = `${name}-${index}`;
    if (key === this.failing) throw new Error(`${key} does not open`);
    if (this.settings.has(key)) throw new Error(`${key} is open already`);
    this.settings.set(key, settings);
    if (isDense === true) this.dense.add(key);
    if (!this.found.some(({ topic, index: other }) => `${topic}-${other}` === key)) {
      this.found.push({ topic: name, index, topicId: id });
    }
    const configure = (next: TopicSettings): unknown => this.settings.set(key, next);
    return { topic: name, index, leaderEpoch: 0, configure } as unknown as PartitionLog;
  }

  async forkPartition(_source: TopicKey, index: number, { name, id }: TopicKey): Promise<void> {
    if (`fork ${name}-${index}` === this.failing) throw new Error(`${name}-${index} is not forked`);
    this.found.push({ topic: name, index, topicId: id });
  }

  async leavePartition({ name }: TopicKey, index: number): Promise<boolean> {
    return this.settings.delete(`${name}-${index}`);
  }

  async removePartition({ name }: TopicKey, index: number): Promise<void> {
    if (`remove ${name}-${index}` === this.failing) throw new Error(`${name}-${index} stays`);
    this.settings.delete(`${name}-${index}`);
    const at = this.found.findIndex((one) => one.topic === name && one.index === index);
    if (at >= 0) this.found.splice(at, 1);
  }
}
