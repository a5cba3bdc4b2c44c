import { assert } from "../../../base/assert.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Crc32c } from "../../../base/crc32c.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import type { Log } from "../../../base/log.ts";
import type { Random } from "../../../base/random.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { Uuid } from "../../../base/uuid.ts";
import type { MetaProperties } from "../../../log/meta-properties.ts";
import type { FactsByTopic, PartitionFacts } from "../../../log/partition-facts.ts";
import type { Compression } from "../../../protocol/compression.ts";
import type { Compactor } from "../../ports/compactor.ts";
import type { Disk, DiskEntry } from "../../ports/disk.ts";
import type {
  CutOf,
  FoundPartition,
  ReplicaKey,
  ReplicaStorage,
  StorageHealth,
  TopicKey,
} from "../../ports/partition-storage.ts";
import { InProcessCompactor } from "../compaction/in-process-compactor.ts";
import { BackgroundWork } from "./background-work.ts";
import { AsideFolders } from "./aside-folders.ts";
import { storeCleanMarker } from "./clean-marker.ts";
import type { DirectoryCheckpoints } from "./directory-checkpoints.ts";
import { DirectoryHealth } from "./directory-health.ts";
import { storeFacts } from "./facts-file.ts";
import { forkPartition } from "../copies/fork-partition.ts";
import { emptyLog } from "../recovery/load-partition.ts";
import type { PartitionContext } from "../partition-context.ts";
import { PartitionFolder } from "../partition-folder.ts";
import { formatPartitionName, parsePartitionName } from "../partition-name.ts";
import { Partition } from "../partition.ts";
import { type FolderPlace, loadFolder } from "./load-folder.ts";
import type { Replica } from "../replica/replica.ts";
import { directoryBounds } from "./directory-bounds.ts";
import { type FoundDirectory, openDirectory } from "./open-directory.ts";
import { TopicFolders } from "./topic-folders.ts";
import { watchSpace } from "./watch-space.ts";
import { isCompacted } from "../append/validate-batch.ts";

export interface LogDirectoryOptions {
  readonly disk: Disk;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly crc32c: Crc32c;
  readonly compression: Compression;
  /** By default logs are compacted in this thread, a slice at a time. */
  readonly compactor?: Compactor;
}

/** Partitions that are closed or checkpointed side by side. */
const parallelMax = 32;

/**
 * One data directory: the partitions that live in it, whose it is, and the checkpoints that tell
 * the next start what need not be checked.
 */
export class LogDirectory implements ReplicaStorage {
  readonly meta: MetaProperties;
  /** Whether the last process that used it stopped in order. */
  readonly wasClean: boolean;
  readonly aside: AsideFolders;
  readonly #options: LogDirectoryOptions;
  readonly #context: PartitionContext;
  readonly #checkpoints: DirectoryCheckpoints;
  readonly #partitions = new Map<string, Partition>();
  /** Of partitions that are not open. */
  readonly #folders: TopicFolders;
  /** Partitions that no clean stop vouches for and that were not opened, so not checked, yet. */
  readonly #unchecked: Set<string>;
  /** Of partitions that were not asked for yet, from the last stop. */
  readonly #facts: FactsByTopic;
  readonly #background: BackgroundWork;
  /** Partitions that have rolled and are to be checkpointed soon. */
  readonly #rolled = new Set<string>();
  #isClosed = false;
  #hasVouched = false;

  private constructor(options: LogDirectoryOptions, found: FoundDirectory) {
    this.#options = options;
    this.meta = found.meta;
    this.wasClean = found.wasClean;
    this.#checkpoints = found.checkpoints;
    this.#facts = found.facts;
    this.#unchecked = found.unchecked;
    this.#background = new BackgroundWork(options);
    this.#context = {
      ...options,
      ...directoryBounds(options),
      compactor: options.compactor ?? new InProcessCompactor({ ...options, tools: options }),
      cleanedOffsets: found.checkpoints.cleaned,
      checkpointSoon: (folder) => this.#checkpointSoon(folder),
      storeLogStart: (folder) => this.#storeLogStart(folder),
      storeOffsets: (folder) => this.#storeOffsets(folder),
      schedule: (delayMs, work) => this.#background.after(delayMs, work),
    };
    this.#folders = new TopicFolders(found.folders, this.#context);
    this.aside = new AsideFolders(options.disk, found.folders);
  }

  /**
   * Opens the directory for this process, which must hold its lock. The marker of a clean stop is
   * gone when this resolves. Throws INCONSISTENT_CLUSTER_ID, INVALID_CONFIG, KAFKA_STORAGE_ERROR.
   */
  static async open(options: LogDirectoryOptions): Promise<LogDirectory> {
    const { settings } = options;
    const found = await openDirectory(options);
    const directory = new LogDirectory(options, found);
    const intervalMs = settings["log.checkpoint.interval.ms"];
    directory.#background.every(intervalMs, () => directory.checkpoint());
    await watchSpace(directory.#context.room, settings, directory.#background);
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

  findPartitions(): readonly FoundPartition[] {
    return Array.from(this.#folders.names(), parsePartitionName).filter((one) => one !== undefined);
  }

  readTopicId({ topic, index }: FoundPartition, likely?: Uuid): Promise<Uuid | undefined> {
    return this.#folders.readTopicId(formatPartitionName(topic, index), likely);
  }

  openPartition(topic: TopicKey, index: number, settings: TopicSettings): Promise<Partition> {
    return this.#open(topic, { index, settings, isReplica: false });
  }

  async openReplica(topic: ReplicaKey, index: number, settings: TopicSettings): Promise<Replica> {
    const { replica } = await this.#open(topic, { index, settings, isReplica: true });
    assert(replica !== undefined, "a replica is opened as one");
    return replica;
  }

  async #open(
    topic: ReplicaKey,
    how: Pick<FolderPlace, "index" | "settings" | "isReplica">,
  ): Promise<Partition> {
    assert(!this.#isClosed, "the log directory is closed");
    const name = formatPartitionName(topic.name, how.index);
    assert(!this.#partitions.has(name), `${name} is open already`);
    const isClean = !this.#unchecked.has(name);
    this.#unchecked.add(name);
    const entries = await this.#claimFolder(name, topic);
    // What a full disk did not let be forgotten of a removed topic would be taken for this one's.
    if (entries === undefined) {
      if (!how.isReplica || topic.isNew === true) this.#checkpoints.forget(name);
      await this.#checkpoints.storeAll();
    }
    const place = { name, topic, entries, isClean, ...how };
    const parts = await loadFolder(place, this.#checkpoints, this.#context);
    const partition = new Partition(parts, this.#context);
    this.#partitions.set(name, partition);
    this.#folders.delete(name);
    this.#unchecked.delete(name);
    return partition;
  }

  /** Whose files are gone is known by now, or nobody's matter. Durable when it resolves. */
  forgetMissing(): Promise<void> {
    return this.#checkpoints.forgetMissing();
  }

  /** As PartitionSource. */
  async use<T>(
    topic: string,
    index: number,
    work: (partition: Partition) => Promise<T>,
  ): Promise<T | undefined> {
    const partition = this.#partitions.get(formatPartitionName(topic, index));
    return partition && (await partition.rest.holds.during(() => work(partition)));
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
    this.#unchecked.add(name);
    this.#checkpoints.noteCopy(name, copied);
    await this.#checkpoints.storeAll();
  }

  /** Opens a partition that has no files; undefined: something is to be waited for. */
  openEmpty(topic: TopicKey, index: number, settings: TopicSettings): Partition | undefined {
    assert(!this.#isClosed, "the log directory is closed");
    if (!this.#checkpoints.areStored) return undefined;
    const name = formatPartitionName(topic.name, index);
    assert(!this.#partitions.has(name) && !this.#folders.has(name), `${name} is not empty`);
    const folder = new PartitionFolder(this.#options.disk, name, topic.id, false);
    const isDense = topic.isDense === true && !isCompacted(settings);
    const parts = { ...emptyLog(isDense), isClean: true, topic: topic.name, index };
    const more = { folder, settings, replica: undefined };
    const partition = new Partition({ ...parts, ...more }, this.#context);
    this.#partitions.set(name, partition);
    return partition;
  }

  /**
   * Lets go of an open partition's files; it opens again as after a stop in order. Throws why it
   * did not close so: a partition that stopped stays, another one is checked when it opens again.
   */
  async closePartition(partition: Partition): Promise<void> {
    const name = formatPartitionName(partition.topic, partition.index);
    this.#unchecked.add(name);
    try {
      await (partition.rest.isAsLoaded ? partition.abandon() : partition.close());
      if (partition.stopped !== undefined) throw partition.stopped;
      this.#unchecked.delete(name);
    } finally {
      if (partition.stopped === undefined) {
        await partition.abandon();
        this.#noteOffsets([[name, partition]]);
        this.#partitions.delete(name);
        if (partition.rest.hasFiles) this.#folders.add(name);
      }
    }
  }

  async reopenReplica(topic: ReplicaKey, index: number, settings: TopicSettings): Promise<Replica> {
    const wasOpen = await this.leavePartition(topic, index);
    assert(wasOpen, `${formatPartitionName(topic.name, index)} is not open`);
    return await this.openReplica(topic, index, settings);
  }

  async leavePartition(topic: TopicKey, index: number): Promise<boolean> {
    const name = formatPartitionName(topic.name, index);
    const partition = this.#partitions.get(name);
    if (partition === undefined) return false;
    this.#unchecked.add(name);
    this.#partitions.delete(name);
    if (partition.rest.hasFiles) this.#folders.add(name);
    await partition.abandon();
    return true;
  }

  async setAsidePartition(topic: TopicKey, index: number): Promise<void> {
    const name = formatPartitionName(topic.name, index);
    // The older one has what was there before it was filled by others for the first time.
    if (this.aside.has(topic.name, index)) return await this.removePartition(topic, index);
    await this.leavePartition(topic, index);
    if (!this.#folders.has(name)) return;
    this.aside.add(await this.#folders.abandon(name, "damaged"));
    this.#unchecked.delete(name);
    await this.#forget(name);
  }

  async removePartition(topic: TopicKey, index: number): Promise<void> {
    const name = formatPartitionName(topic.name, index);
    const partition = this.#partitions.get(name);
    this.#partitions.delete(name);
    this.#unchecked.delete(name);
    await partition?.abandon();
    const { disk, settings } = this.#options;
    const removed = await this.#folders.remove(name);
    if (removed !== undefined) {
      const delayMs = settings["log.segment.delete.delay.ms"];
      if (this.#context.room.isFull) await disk.removeDirectory(removed);
      else this.#background.after(delayMs, () => disk.removeDirectory(removed));
    }
    await this.#forget(name);
  }

  /** A start does so of what has no folder; a topic of the same name may come before one. */
  async #forget(name: string): Promise<void> {
    this.#checkpoints.forget(name);
    await this.#checkpoints.storeAll();
  }

  /** Tells the next start what is flushed, and brings index files up to date. */
  async checkpoint(partitions = [...this.#partitions]): Promise<void> {
    await inParallel(partitions, parallelMax, async ([name, partition]) => {
      await partition.checkpoint().catch((error: Error) => {
        this.#options.log.warn("checkpoint failed", { partition: name, why: error.message });
      });
    });
    this.#noteOffsets(partitions);
    await this.#checkpoints.storeAll();
  }

  /** Flushes and closes what is open, and writes the checkpoints. Nothing opens afterwards. */
  async closePartitions(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#background.close();
    const partitions = [...this.#partitions];
    await inParallel(partitions, parallelMax, async ([name, partition]) => {
      this.#unchecked.add(name);
      try {
        await partition.close();
        if (partition.stopped === undefined) this.#unchecked.delete(name);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.#options.log.error("a partition did not close in order", { partition: name, why });
      }
    });
    await this.#context.compactor.close();
    this.#noteOffsets(partitions);
    await this.#checkpoints.storeAll();
  }

  /** Closes everything; a marker says so if nothing failed and every partition was checked. */
  async close(facts?: FactsByTopic): Promise<void> {
    await this.closePartitions();
    if (this.#unchecked.size > 0 || this.#hasVouched) return;
    this.#hasVouched = true;
    if (facts !== undefined) await storeFacts(this.#options, facts);
    await storeCleanMarker(this.#options.disk);
  }

  /** Until what is answered is called no stop counts as one in order, and what was noted stays. */
  holdMarker(): () => void {
    this.#hasVouched = true;
    return () => void (this.#hasVouched = false);
  }

  /** What the last stop left of a partition; said once. */
  takeFacts(topic: string, index: number): PartitionFacts | undefined {
    const facts = this.#facts.get(topic)?.get(index);
    this.#facts.get(topic)?.delete(index);
    return facts;
  }

  hasFiles(topic: string, index: number): boolean {
    const name = formatPartitionName(topic, index);
    return this.#folders.has(name) || this.#partitions.get(name)?.rest.hasFiles === true;
  }

  #noteOffsets(partitions: readonly (readonly [string, Partition])[]): void {
    if (this.#hasVouched) return;
    for (const [name, partition] of partitions) {
      if (this.#partitions.get(name) !== partition || partition.end === 0) continue;
      this.#checkpoints.set("recoveryPoints", name, partition.recoveryPoint);
      this.#checkpoints.set("committed", name, partition.committedPoint);
      this.#checkpoints.set("logStarts", name, partition.logStartUntold);
      if (partition.rest.mayHaveGaps) this.#checkpoints.noteGaps(name);
    }
  }

  async #storeLogStart(name: string): Promise<void> {
    const { logStartUntold } = this.#partitions.get(name) ?? {};
    if (this.#partitions.has(name)) this.#checkpoints.set("logStarts", name, logStartUntold);
    await this.#checkpoints.store("logStarts");
  }

  async #storeOffsets(name: string): Promise<void> {
    const partition = this.#partitions.get(name);
    if (partition === undefined) return;
    this.#noteOffsets([[name, partition]]);
    this.#checkpoints.lower("cleaned", name, partition.recoveryPoint);
    // An older note does not vouch for what is cut either.
    const end = partition.replica?.countedUpTo ?? Infinity;
    await this.#checkpoints.cut(name, { end, isRestart: false });
  }

  async #claimFolder(name: string, topic: ReplicaKey): Promise<DiskEntry[] | undefined> {
    if (!this.#folders.has(name)) return undefined;
    if (await this.#folders.isOf(name, topic)) return this.#options.disk.list(name);
    // Before the first append here is acknowledged: a stale log start would remove it.
    this.#checkpoints.forget(name);
    await this.#checkpoints.storeAll();
    await this.#folders.putAside(name);
    return undefined;
  }

  #checkpointSoon(folder: string): void {
    this.#rolled.add(folder);
    if (this.#rolled.size > 1) return;
    this.#background.after(0, async () => {
      // Those that roll while the files are written share the next ones.
      await this.#checkpoints.written();
      const rolled = [...this.#partitions].filter(([name]) => this.#rolled.has(name));
      this.#rolled.clear();
      await this.checkpoint(rolled);
    });
  }
}
