import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import { BrokerConfigs } from "../configs/broker-configs.ts";
import { clustered } from "./copy-directory.ts";
import type { CopiedPartition } from "../partition/copies/copy-partition.ts";
import { DirectoryCheckpoints } from "../partition/directory/directory-checkpoints.ts";
import { closeLarge, copiedBytesMax, copyInTries } from "../partition/copies/fork-partition.ts";
import { markUnfinished, storeMeta } from "../partition/directory/directory-meta.ts";
import { cleanMarkerName } from "../partition/directory/clean-marker.ts";
import { LogDirectory, type LogDirectoryOptions } from "../partition/directory/log-directory.ts";
import type { MetaProperties } from "../../log/meta-properties.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { PartitionSource } from "../partition/lazy/partition-source.ts";
import { formatPartitionName } from "../partition/partition-name.ts";
import type { Coordinator, CoordinatorEntry } from "../ports/coordinator.ts";
import type { Disk } from "../ports/disk.ts";
import { transactionKeysMax } from "../ports/transaction-bounds.ts";
import type { Abortion } from "../retention/retention.ts";
import { deletedPrefix } from "../topics/topic-entry.ts";
import { type Topic, Topics } from "../topics/topics.ts";
import { Turns } from "../turns.ts";

/** The node that snapshots are taken of. */
export interface SnapshotSource extends LogDirectoryOptions {
  readonly coordinator: Coordinator;
  readonly configs: BrokerConfigs;
  readonly meta: MetaProperties;
  readonly partitions: PartitionSource;
  readonly topics: Topics;
}

/** Where one goes: an empty disk, and a coordinator that lies on it. */
export interface SnapshotTarget {
  readonly disk: Disk;
  readonly openCoordinator: () => Promise<Coordinator>;
}

export interface SnapshotWatch {
  readonly signal: Abortion;
  readonly progress: (state: SnapshotProgress) => void;
}

export interface SnapshotProgress {
  readonly partitionsDone: number;
  readonly partitions: number;
}

export interface SnapshotReport {
  readonly topics: number;
  readonly partitions: number;
  /** Segments that snapshot and node share. */
  readonly linkedSegments: number;
  readonly copiedBytes: number;
}

/** A partition and where the snapshot leaves it. */
interface Cut {
  readonly topic: Topic;
  readonly partition: PartitionLog;
  readonly end: number;
}

/** Partitions whose active segments are closed side by side. */
const closingMax = 16;
/** Partitions that are copied side by side: most of the time is spent on flushes. */
const copyingMax = 16;

/**
 * Snapshots of a running node: a data directory that holds what was committed at one moment, in
 * all partitions and in the coordinator. Groups' offsets are records, so none is ahead of the
 * records it is about. Closed segments are shared. One is taken at a time.
 */
export class Snapshots {
  readonly #source: SnapshotSource;
  readonly #turns = new Turns();

  constructor(source: SnapshotSource) {
    this.#source = source;
  }

  /**
   * Resolves once the target is a directory that was stopped in order, all of it durable but for
   * its own name. Throws REQUEST_TIMED_OUT when the signal aborts. What is there after a failure
   * is of no use.
   */
  take(target: SnapshotTarget, watch: SnapshotWatch): Promise<SnapshotReport> {
    return this.#turns.take("snapshot", () => this.#take(target, watch));
  }

  async #take(target: SnapshotTarget, watch: SnapshotWatch): Promise<SnapshotReport> {
    const { coordinator, topics } = this.#source;
    refuseClustered(topics);
    const all = topics.list().flatMap((topic) => {
      return topic.partitions.map((partition) => ({ topic, partition }));
    });
    await inParallel(all, closingMax, (one) => this.#closeLarge(one.topic, one.partition));
    // In one turn: nothing is committed between the first of these and the last.
    const reading = coordinator.read("");
    const cuts = topics.list().flatMap((topic) => {
      return topic.partitions.map((each) => ({ topic, partition: each, end: each.committed }));
    });
    const { entries } = await reading;
    await markUnfinished(target.disk);
    const copied = await this.#copyAll(cuts, target.disk, watch);
    await this.#settle(target, entries);
    return {
      topics: new Set(cuts.map(({ topic }) => topic.name)).size,
      partitions: cuts.length,
      linkedSegments: copied.reduce((sum, { linkedCount }) => sum + linkedCount, 0),
      copiedBytes: copied.reduce((sum, { copiedBytes }) => sum + copiedBytes, 0),
    };
  }

  /** Afterwards what is committed is known, though the partition may be shut. */
  async #closeLarge(topic: Topic, partition: PartitionLog): Promise<void> {
    try {
      await partition.load("facts");
      if (partition.sizeBytes <= copiedBytesMax) return;
      await this.#source.partitions.use(topic.name, partition.index, closeLarge);
    } catch (error) {
      // Of a topic that is deleted meanwhile nothing is wanted.
      if (this.#source.topics.findById(topic.id) !== undefined) throw error;
    }
  }

  async #copyAll(
    cuts: readonly Cut[],
    disk: Disk,
    { signal, progress }: SnapshotWatch,
  ): Promise<readonly CopiedPartition[]> {
    const { partitions, topics, log } = this.#source;
    const checkpoints = await DirectoryCheckpoints.open(disk, log);
    const all: CopiedPartition[] = [];
    let partitionsDone = 0;
    await inParallel(cuts, copyingMax, async ({ topic, partition, end }) => {
      if (signal.aborted) throw new XylemError("REQUEST_TIMED_OUT", "the snapshot was given up");
      progress({ partitionsDone, partitions: cuts.length });
      partitionsDone += 1;
      if (end === 0) return;
      const folder = formatPartitionName(topic.name, partition.index);
      const target = { disk, folder, topicId: topic.id };
      try {
        const copied = await partitions.use(topic.name, partition.index, (open) =>
          copyInTries(open, end, target),
        );
        if (copied === undefined) return;
        checkpoints.noteCopy(folder, copied);
        all.push(copied);
      } catch (error) {
        // A topic that is deleted meanwhile is there, and empty.
        if (topics.findById(topic.id) !== undefined) throw error;
        await disk.removeDirectory(folder);
      }
    });
    await disk.syncDirectory("");
    await checkpoints.storeAll();
    return all;
  }

  /** A start and a stop of the copy make of it all that a stopped node leaves. */
  async #settle(target: SnapshotTarget, entries: readonly CoordinatorEntry[]): Promise<void> {
    const { disk } = target;
    const { configs, clock, random, log } = this.#source;
    const { nodeId, settings, given } = configs;
    const coordinator = await target.openCoordinator();
    try {
      await store(coordinator, entries);
      await storeMeta(disk, this.#source.meta);
      const own = await BrokerConfigs.open({ coordinator, nodeId, settings, given });
      const directory = await LogDirectory.open({ ...this.#source, disk, settings: own.settings });
      const parts = { coordinator, storage: directory, configs: own, clock, random, log };
      try {
        const topics = await Topics.open(parts);
        await topics.close();
      } finally {
        await directory.close();
      }
    } finally {
      await coordinator.close();
    }
    if ((await disk.readFile(cleanMarkerName)) !== undefined) return;
    throw new XylemError("KAFKA_STORAGE_ERROR", "the snapshot did not open and close in order");
  }
}

async function store(
  coordinator: Coordinator,
  entries: readonly CoordinatorEntry[],
): Promise<void> {
  const writes = entries.filter(({ key }) => !key.startsWith(deletedPrefix));
  for (let at = 0; at < writes.length; at += transactionKeysMax) {
    const part = writes
      .slice(at, at + transactionKeysMax)
      .map(({ key, value }) => ({ key, value }));
    await coordinator.transact([], part);
  }
}

function refuseClustered(topics: Topics): void {
  for (const { partitions } of topics.list()) {
    if (!partitions.some((partition) => partition.onPlaced !== undefined)) continue;
    throw clustered();
  }
}
