import { assert } from "../../../base/assert.ts";
import type { Clock } from "../../../base/clock.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import type { Log } from "../../../base/log.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { Uuid } from "../../../base/uuid.ts";
import {
  emptyFacts,
  type FactsByTopic,
  type PartitionFacts,
} from "../../../log/partition-facts.ts";
import { upkeepRulesSum } from "../../../log/upkeep-due.ts";
import type {
  CutOf,
  FoundPartition,
  ReplicaKey,
  ReplicaStorage,
  SetAside,
  TopicKey,
} from "../../ports/partition-storage.ts";
import { LazyPartition, type LoadUrgency, type PartitionOpener } from "./lazy-partition.ts";
import { LazyUpkeep } from "./lazy-upkeep.ts";
import { LoadSlots } from "./load-slots.ts";
import type { LogDirectory } from "../directory/log-directory.ts";
import type { PartitionSource } from "./partition-source.ts";
import { formatPartitionName } from "../partition-name.ts";
import type { Partition } from "../partition.ts";
import type { Replica } from "../replica/replica.ts";

export interface LazyStorageOptions {
  readonly directory: LogDirectory;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** Partitions that are described side by side before a stop. */
const describingMax = 32;

/**
 * The partitions of a log directory, each opened at first use and closed when idle. What only files
 * can tell (after a stop that was not in order, or in a directory that Kafka wrote) is looked up in
 * the background, so that a start takes as long for many partitions as for few.
 */
export class LazyStorage implements ReplicaStorage, PartitionOpener {
  readonly clock: Clock;
  readonly #directory: LogDirectory;
  readonly #log: Log;
  readonly #partitions = new Map<string, LazyPartition>();
  readonly #open = new Set<LazyPartition>();
  /** Never shut: a chain may want any of them at any time. */
  readonly #replicas = new Map<string, Partition>();
  readonly #slots: LoadSlots;
  readonly #upkeep: LazyUpkeep;
  #isClosed = false;

  constructor(options: LazyStorageOptions) {
    this.#directory = options.directory;
    this.clock = options.clock;
    this.#log = options.log;
    this.#slots = new LoadSlots(options.settings["log.partition.load.parallel"]);
    this.#upkeep = new LazyUpkeep(options, this.#open);
  }

  get round(): number {
    return this.#upkeep.round;
  }

  findPartitions(): readonly FoundPartition[] {
    return this.#directory.findPartitions();
  }

  readTopicId(found: FoundPartition, likely?: Uuid): Promise<Uuid | undefined> {
    return this.#directory.readTopicId(found, likely);
  }

  async openPartition(
    topic: TopicKey,
    index: number,
    settings: TopicSettings,
  ): Promise<LazyPartition> {
    assert(!this.#isClosed, "the storage is closed");
    const name = formatPartitionName(topic.name, index);
    this.#checkNotOpen(name);
    const facts = this.#findFacts(topic, index, settings);
    const partition = new LazyPartition(topic, index, { opener: this, settings, facts });
    this.#partitions.set(name, partition);
    if (facts === undefined) this.#upkeep.check(partition);
    return partition;
  }

  async openReplica(topic: ReplicaKey, index: number, settings: TopicSettings): Promise<Replica> {
    assert(!this.#isClosed, "the storage is closed");
    const name = formatPartitionName(topic.name, index);
    this.#checkNotOpen(name);
    // They say that all there is was committed.
    this.#directory.takeFacts(topic.name, index);
    const replica = await this.#directory.openReplica(topic, index, settings);
    this.#replicas.set(name, replica.log);
    return replica;
  }

  async reopenReplica(topic: ReplicaKey, index: number, settings: TopicSettings): Promise<Replica> {
    const name = formatPartitionName(topic.name, index);
    this.#replicas.delete(name);
    const replica = await this.#directory.reopenReplica(topic, index, settings);
    this.#replicas.set(name, replica.log);
    return replica;
  }

  #checkNotOpen(name: string): void {
    assert(!this.#partitions.has(name) && !this.#replicas.has(name), `${name} is open already`);
  }

  async forkPartition(
    source: TopicKey,
    index: number,
    target: TopicKey,
    cutOf: CutOf,
  ): Promise<void> {
    const fork = (): Promise<true> =>
      this.#directory.forkPartition(source, index, target, cutOf).then(() => true);
    const isDone = await this.use(source.name, index, fork);
    assert(isDone === true, `${source.name}-${index} is not there`);
  }

  /** As PartitionSource. */
  async use<T>(
    topic: string,
    index: number,
    work: (partition: Partition) => Promise<T>,
  ): Promise<T | undefined> {
    const name = formatPartitionName(topic, index);
    const replica = this.#replicas.get(name);
    if (replica !== undefined) return await replica.rest.holds.during(() => work(replica));
    return await this.#partitions.get(name)?.hold(work);
  }

  /** For work nobody waits for: a partition that was shut is shut again afterwards. */
  get background(): PartitionSource {
    return { use: (topic, index, work) => this.#visit(topic, index, work) };
  }

  async #visit<T>(
    topic: string,
    index: number,
    work: (partition: Partition) => Promise<T>,
  ): Promise<T | undefined> {
    const partition = this.#partitions.get(formatPartitionName(topic, index));
    if (partition === undefined) return await this.use(topic, index, work);
    const wasShut = partition.opened === undefined;
    await partition.open();
    const { opened } = partition;
    if (opened === undefined) return undefined;
    try {
      return await opened.rest.holds.during(() => work(opened));
    } finally {
      if (wasShut) await partition.unload(this.round);
    }
  }

  async removePartition(topic: TopicKey, index: number): Promise<void> {
    await this.#forget(topic, index);
    await this.#directory.removePartition(topic, index);
  }

  async setAsidePartition(topic: TopicKey, index: number): Promise<void> {
    await this.#forget(topic, index);
    await this.#directory.setAsidePartition(topic, index);
  }

  get aside(): SetAside {
    return this.#directory.aside;
  }

  async leavePartition(topic: TopicKey, index: number): Promise<boolean> {
    await this.#forget(topic, index);
    return await this.#directory.leavePartition(topic, index);
  }

  async #forget(topic: TopicKey, index: number): Promise<void> {
    const name = formatPartitionName(topic.name, index);
    const partition = this.#partitions.get(name);
    this.#partitions.delete(name);
    this.#replicas.delete(name);
    await partition?.retire();
    if (partition !== undefined) this.#open.delete(partition);
  }

  async openFiles(partition: LazyPartition, urgency: LoadUrgency): Promise<Partition> {
    const { key, index } = partition;
    try {
      const opened = await this.#slots.run(urgency, async () => {
        return await this.#directory.openPartition(key, index, partition.settings);
      });
      this.#open.add(partition);
      this.#compare(partition, opened);
      return opened;
    } catch (error) {
      this.#tell("a partition does not open", partition, error);
      throw error;
    }
  }

  openEmpty(partition: LazyPartition): Partition | undefined {
    const { key, index, settings } = partition;
    const opened = this.#directory.openEmpty(key, index, settings);
    if (opened !== undefined) this.#open.add(partition);
    return opened;
  }

  async closeFiles(partition: LazyPartition, opened: Partition): Promise<void> {
    try {
      await this.#directory.closePartition(opened);
    } catch (error) {
      this.#tell("an idle partition did not close in order", partition, error);
      throw error;
    } finally {
      if (opened.stopped === undefined) this.#open.delete(partition);
    }
  }

  /** Flushes and closes everything, and leaves word of it for the next start. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#upkeep.close();
    await Promise.all(Array.from(this.#partitions.values(), (partition) => partition.retire()));
    const described = await this.#describeOpen();
    await this.#directory.closePartitions();
    await this.#directory.close(this.#collectFacts(described));
  }

  async #describeOpen(): Promise<ReadonlyMap<LazyPartition, PartitionFacts>> {
    const described = new Map<LazyPartition, PartitionFacts>();
    await inParallel([...this.#open], describingMax, async (partition) => {
      try {
        const facts = await partition.opened?.rest.describe(this.clock.nowMs());
        if (facts !== undefined) described.set(partition, facts);
      } catch (error) {
        this.#tell("the next start looks into a partition", partition, error);
      }
    });
    return described;
  }

  #collectFacts(described: ReadonlyMap<LazyPartition, PartitionFacts>): FactsByTopic {
    const topics: FactsByTopic = new Map();
    for (const partition of this.#partitions.values()) {
      const { opened, topic, index } = partition;
      const facts = opened === undefined ? partition.facts : described.get(partition);
      if (facts === undefined || !this.#directory.hasFiles(topic, index)) continue;
      // Taken back, or part of an open transaction: only the files tell.
      if (opened !== undefined && (opened.end !== facts.end || opened.lastStable < facts.end)) {
        continue;
      }
      const partitions = topics.get(topic) ?? new Map<number, PartitionFacts>();
      topics.set(topic, partitions.set(index, facts));
    }
    return topics;
  }

  /** Files that somebody changed by hand are not taken for those that were shut. */
  #compare({ facts, topic, index }: LazyPartition, opened: Partition): void {
    if (facts === undefined || facts === emptyFacts) return;
    const { logStart, end, sizeBytes } = opened;
    if (logStart === facts.logStart && end === facts.end && sizeBytes === facts.sizeBytes) return;
    const was = { firstOffset: facts.logStart, endOffset: facts.end, sizeBytes: facts.sizeBytes };
    const found = { foundFirstOffset: logStart, foundEndOffset: end, foundSizeBytes: sizeBytes };
    const fields = { topic, partition: index, ...was, ...found };
    this.#log.error("the files of a partition are not as they were when it was shut", fields);
  }

  #findFacts(
    { name }: TopicKey,
    index: number,
    settings: TopicSettings,
  ): PartitionFacts | undefined {
    const facts = this.#takeFacts(name, index);
    // The node's defaults, which count for the topic, may be others since the stop.
    if (facts === undefined || facts === emptyFacts) return facts;
    const isDueKnown = facts.rulesSum === upkeepRulesSum(settings);
    return isDueKnown ? facts : { ...facts, upkeepDueMs: 0 };
  }

  #takeFacts(topic: string, index: number): PartitionFacts | undefined {
    const facts = this.#directory.takeFacts(topic, index);
    if (this.#directory.hasFiles(topic, index)) return facts;
    if (facts !== undefined) {
      const { logStart, end } = facts;
      const fields = { topic, partition: index, firstOffset: logStart, endOffset: end };
      this.#log.error("the folder of a partition is gone; it starts empty", fields);
    }
    return emptyFacts;
  }

  #tell(what: string, { topic, index }: LazyPartition, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#log.error(what, { topic, partition: index, why });
  }
}
