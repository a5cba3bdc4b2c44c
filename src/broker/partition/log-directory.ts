import { assert } from "../../base/assert.ts";
import { equalBytes } from "../../base/bytes.ts";
import type { Cancel, Clock } from "../../base/clock.ts";
import type { Crc32c } from "../../base/crc32c.ts";
import { MalformedError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import { isZeroUuid, type Uuid, zeroUuid } from "../../base/uuid.ts";
import type { MetaProperties } from "../../log/meta-properties.ts";
import { parsePartitionMetadata } from "../../log/partition-metadata.ts";
import type { Compression } from "../../protocol/compression.ts";
import type { Disk, DiskEntry } from "../ports/disk.ts";
import type {
  CutOf,
  FoundPartition,
  PartitionStorage,
  StorageHealth,
  TopicKey,
} from "../ports/partition-storage.ts";
import { metadataTopic } from "../topics/topic-name.ts";
import { AppendRoom } from "./append-room.ts";
import { DamageLog } from "./damage-log.ts";
import { DirectoryCheckpoints } from "./directory-checkpoints.ts";
import { DirectoryHealth } from "./directory-health.ts";
import { openMeta } from "./directory-meta.ts";
import { forkPartition } from "./fork-partition.ts";
import { FlushScheduler } from "./flush-scheduler.ts";
import { IndexCache } from "./index-cache.ts";
import { loadPartition } from "./load-partition.ts";
import { OpenFiles } from "./open-files.ts";
import type { PartitionContext } from "./partition-context.ts";
import { metadataFileName, PartitionFolder } from "./partition-folder.ts";
import type { PartitionLog } from "./partition-log.ts";
import {
  formatAbandonedName,
  formatPartitionName,
  isDeletedName,
  parsePartitionName,
} from "./partition-name.ts";
import { Partition } from "./partition.ts";
import { replaceFile } from "./replace-file.ts";
import { isSpoiledCopy, restoreMetadata } from "./restore-metadata.ts";
import { TailCache } from "./tail-cache.ts";

export interface LogDirectoryOptions {
  readonly disk: Disk;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly crc32c: Crc32c;
  readonly compression: Compression;
}

export const cleanMarkerName = ".kafka_cleanshutdown";
const cleanMarker = '{"version":0,"brokerEpoch":-1}';
/** Partitions that are closed or checkpointed side by side. */
const parallelMax = 32;

/**
 * One data directory: the partitions that live in it, whose it is, and the checkpoints that tell
 * the next start what need not be checked.
 */
export class LogDirectory implements PartitionStorage {
  readonly meta: MetaProperties;
  /** Whether the last process that used it stopped in order. */
  readonly wasClean: boolean;
  readonly #options: LogDirectoryOptions;
  readonly #context: PartitionContext;
  readonly #checkpoints: DirectoryCheckpoints;
  readonly #partitions = new Map<string, Partition>();
  /** Folders that were there at the start. */
  readonly #folders: Set<string>;
  /** Partitions that no clean stop vouches for and that were not opened, so not checked, yet. */
  readonly #unchecked: Set<string>;
  /** Partitions whose files were put in place here: no clean stop vouches for them. */
  readonly #forked = new Set<string>();
  readonly #timers = new Set<Cancel>();
  #isCheckpointDue = false;
  #isClosed = false;

  private constructor(
    options: LogDirectoryOptions,
    found: {
      meta: MetaProperties;
      wasClean: boolean;
      checkpoints: DirectoryCheckpoints;
      folders: Set<string>;
    },
  ) {
    this.#options = options;
    this.meta = found.meta;
    this.wasClean = found.wasClean;
    this.#checkpoints = found.checkpoints;
    this.#folders = found.folders;
    this.#unchecked = new Set(found.wasClean ? [] : [...found.folders].filter(isPartition));
    const { settings } = options;
    this.#context = {
      ...options,
      openFiles: new OpenFiles(settings["log.open.files.max"]),
      indexes: new IndexCache(settings["log.index.cache.max.bytes"]),
      // A disk in memory hands out what it holds: nothing is kept twice.
      tails: new TailCache(settings.memory ? 0 : settings["log.tail.cache.max.bytes"]),
      flushes: new FlushScheduler(settings["log.flush.parallel"]),
      room: new AppendRoom(options),
      damages: new DamageLog(options.log),
      checkpointSoon: () => this.#checkpointSoon(),
      storeLogStarts: () => this.#storeLogStarts(),
      schedule: (delayMs, work) => this.#schedule(delayMs, work),
    };
  }

  /**
   * Opens the directory for this process, which must hold its lock. The marker of a clean stop is
   * gone when this resolves. Throws INCONSISTENT_CLUSTER_ID, INVALID_CONFIG, KAFKA_STORAGE_ERROR.
   */
  static async open(options: LogDirectoryOptions): Promise<LogDirectory> {
    const { disk, settings, random, log } = options;
    const expected = { nodeId: settings["node.id"], clusterId: settings["cluster.id"] };
    const meta = await openMeta(disk, expected, random);
    const entries = await disk.list("");
    const wasClean = entries.some(({ name }) => name === cleanMarkerName);
    const checkpoints = await DirectoryCheckpoints.open(disk, log);
    const folders = new Set(entries.flatMap((entry) => (entry.isDirectory ? [entry.name] : [])));
    for (const name of folders) {
      if (!isDeletedName(name)) continue;
      folders.delete(name);
      await disk.removeDirectory(name);
    }
    checkpoints.keepOnly(folders);
    await checkpoints.storeAll();
    if (wasClean) {
      await disk.remove(cleanMarkerName);
      await disk.syncDirectory("");
    }
    const directory = new LogDirectory(options, { meta, wasClean, checkpoints, folders });
    directory.#every(settings["log.checkpoint.interval.ms"], () => directory.checkpoint());
    await directory.#watchSpace();
    return directory;
  }

  /** Live: it shows what is so at the time it is read. */
  get health(): StorageHealth {
    return new DirectoryHealth(this.#context.room, this.#context.damages);
  }

  /** The partitions that are open. */
  partitions(): Iterable<Partition> {
    return this.#partitions.values();
  }

  async findPartitions(): Promise<readonly FoundPartition[]> {
    const found: FoundPartition[] = [];
    await inParallel([...this.#folders], async (name) => {
      const parsed = parsePartitionName(name);
      if (parsed !== undefined) found.push({ ...parsed, topicId: await this.#readTopicId(name) });
    });
    return found;
  }

  async openPartition(
    topic: TopicKey,
    index: number,
    settings: TopicSettings,
  ): Promise<PartitionLog> {
    assert(!this.#isClosed, "the log directory is closed");
    const name = formatPartitionName(topic.name, index);
    assert(!this.#partitions.has(name), `${name} is open already`);
    this.#unchecked.add(name);
    const entries = await this.#claimFolder(name, topic.id);
    // What a full disk did not let be forgotten of a removed topic would be taken for this one's.
    if (entries === undefined) await this.#checkpoints.storeAll();
    const { disk } = this.#options;
    const folder = new PartitionFolder(disk, name, topic.id, entries !== undefined);
    const rules = {
      settings,
      isDense: topic.isDense === true,
      recoveryPoint: entries === undefined ? 0 : this.#checkpoints.find("recoveryPoints", name),
      logStart: entries === undefined ? 0 : this.#checkpoints.find("logStarts", name),
      isClean: this.wasClean && !this.#forked.has(name),
    };
    const loaded = await loadPartition(folder, entries ?? [], rules, this.#context);
    const parts = { ...loaded, topic: topic.name, index, folder, settings };
    const partition = new Partition(parts, this.#context);
    this.#partitions.set(name, partition);
    this.#unchecked.delete(name);
    return partition;
  }

  /** A partition that is open, by its folder's name. */
  find(name: string): Partition | undefined {
    return this.#partitions.get(name);
  }

  async forkPartition(
    source: TopicKey,
    index: number,
    target: TopicKey,
    cutOf: CutOf,
  ): Promise<void> {
    const partition = this.#partitions.get(formatPartitionName(source.name, index));
    assert(partition !== undefined, `${source.name}-${index} is not open`);
    const name = formatPartitionName(target.name, index);
    const place = { name, topicId: target.id, cutOf };
    const copied = await forkPartition(partition, place, this.#options);
    if (copied === undefined) return;
    this.#folders.add(name);
    this.#forked.add(name);
    this.#checkpoints.set("recoveryPoints", name, copied.end);
    this.#checkpoints.set("logStarts", name, copied.logStart);
    await this.#checkpoints.store("recoveryPoints", "logStarts");
  }

  async removePartition(topic: TopicKey, index: number): Promise<void> {
    const name = formatPartitionName(topic.name, index);
    const partition = this.#partitions.get(name);
    this.#partitions.delete(name);
    this.#folders.delete(name);
    this.#unchecked.delete(name);
    await partition?.abandon();
    const { disk, settings } = this.#options;
    const entries = await disk.list(name);
    if (entries.length > 0) {
      const removed = await this.#abandonFolder(name, "delete");
      const delayMs = settings["log.segment.delete.delay.ms"];
      if (this.#context.room.isFull) await disk.removeDirectory(removed);
      else this.#schedule(delayMs, () => disk.removeDirectory(removed));
    }
    // A start forgets by itself what has no folder; a topic of the same name may come before one.
    this.#checkpoints.forget(name);
    await this.#checkpoints.storeAll();
  }

  /** Tells the next start what is flushed, and brings index files up to date. */
  async checkpoint(): Promise<void> {
    const partitions = [...this.#partitions];
    await inParallel(partitions, async ([name, partition]) => {
      await partition.checkpoint().catch((error: Error) => {
        this.#options.log.warn("checkpoint failed", { partition: name, why: error.message });
      });
    });
    this.#noteOffsets(partitions);
    await this.#checkpoints.storeAll();
  }

  /**
   * Flushes and closes everything; the marker says so to the next start, if nothing failed and
   * every partition was checked: a start that was given up vouches for nothing.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    const partitions = [...this.#partitions];
    let hasFailed = false;
    await inParallel(partitions, async ([name, partition]) => {
      try {
        await partition.close();
        if (partition.stopped !== undefined) hasFailed = true;
      } catch (error) {
        hasFailed = true;
        const why = error instanceof Error ? error.message : String(error);
        this.#options.log.error("a partition did not close in order", { partition: name, why });
      }
    });
    this.#noteOffsets(partitions);
    await this.#checkpoints.storeAll();
    if (hasFailed || this.#unchecked.size > 0) return;
    const place = { directory: "", name: cleanMarkerName };
    await replaceFile(this.#options.disk, place, encodeUtf8(cleanMarker));
  }

  #noteOffsets(partitions: readonly (readonly [string, Partition])[]): void {
    for (const [name, partition] of partitions) {
      if (this.#partitions.get(name) !== partition || partition.end === 0) continue;
      this.#checkpoints.set("recoveryPoints", name, partition.recoveryPoint);
      this.#checkpoints.set("committed", name, Math.min(partition.committed, partition.flushed));
      this.#noteLogStart(name, partition);
    }
  }

  /** As in Kafka, only a log start that the files do not tell by themselves. */
  #noteLogStart(name: string, partition: Partition): void {
    const { logStartStored } = partition;
    const isTold = logStartStored <= partition.firstSegmentOffset;
    this.#checkpoints.set("logStarts", name, isTold ? undefined : logStartStored);
  }

  async #storeLogStarts(): Promise<void> {
    for (const [name, partition] of this.#partitions) this.#noteLogStart(name, partition);
    await this.#checkpoints.store("logStarts");
  }

  async #watchSpace(): Promise<void> {
    const { room } = this.#context;
    await room.look();
    const { settings } = this.#options;
    const isWatched = room.freeBytes < Infinity || settings["log.disk.max.bytes"] >= 0;
    if (isWatched) this.#every(settings["log.disk.check.interval.ms"], () => room.look());
  }

  #checkpointSoon(): void {
    if (this.#isCheckpointDue) return;
    this.#isCheckpointDue = true;
    this.#schedule(0, async () => {
      this.#isCheckpointDue = false;
      await this.checkpoint();
    });
  }

  /** The folder's content if it is this topic's; another topic's of that name is put aside. */
  async #claimFolder(name: string, topicId: Uuid): Promise<DiskEntry[] | undefined> {
    if (!this.#folders.delete(name)) return undefined;
    const stored = await this.#readTopicId(name);
    if (isZeroUuid(topicId) || (stored !== undefined && equalBytes(stored, topicId))) {
      return this.#options.disk.list(name);
    }
    if (stored === undefined || isSpoiledCopy(stored, topicId)) {
      await restoreMetadata(name, topicId, this.#context);
      return this.#options.disk.list(name);
    }
    // Before the first append here is acknowledged: a stale log start would remove it.
    this.#checkpoints.forget(name);
    await this.#checkpoints.storeAll();
    const aside = await this.#abandonFolder(name, "stray");
    this.#options.log.warn("a folder of another topic with this name was put aside", {
      folder: name,
      renamed: aside,
    });
    return undefined;
  }

  async #readTopicId(folder: string): Promise<Uuid | undefined> {
    const bytes = await this.#options.disk.readFile(`${folder}/${metadataFileName}`);
    if (bytes === undefined) return undefined;
    try {
      const id = parsePartitionMetadata(decodeUtf8(bytes));
      return equalBytes(id, zeroUuid) ? undefined : id;
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#options.log.warn("unreadable partition.metadata", { folder, why: error.message });
      return undefined;
    }
  }

  async #abandonFolder(name: string, fate: "delete" | "stray"): Promise<string> {
    const { disk, random } = this.#options;
    const renamed = formatAbandonedName(name, fate, random);
    await disk.rename(name, renamed);
    await disk.syncDirectory("");
    return renamed;
  }

  #every(intervalMs: number, work: () => Promise<void>): void {
    this.#schedule(intervalMs, async () => {
      try {
        await work();
      } finally {
        this.#every(intervalMs, work);
      }
    });
  }

  #schedule(delayMs: number, work: () => Promise<void>): void {
    if (this.#isClosed) return;
    const cancel = this.#options.clock.schedule(delayMs, () => {
      this.#timers.delete(cancel);
      work().catch((error: Error) => {
        this.#options.log.warn("background work on logs failed", { why: error.message });
      });
    });
    this.#timers.add(cancel);
  }
}

/** KRaft's own log is never opened. */
function isPartition(folder: string): boolean {
  const parsed = parsePartitionName(folder);
  return parsed !== undefined && parsed.topic !== metadataTopic;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items.values();
  const run = async (): Promise<void> => {
    for (const item of iterator) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(parallelMax, items.length) }, run));
}
