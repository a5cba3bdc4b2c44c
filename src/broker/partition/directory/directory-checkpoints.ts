import { equalBytes } from "../../../base/bytes.ts";
import { MalformedError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import { decodeUtf8 } from "../../../base/text.ts";
import {
  formatOffsetSlices,
  type OffsetsByPartition,
  parseOffsetCheckpoint,
} from "../../../log/text-checkpoint.ts";
import type { TruncationNote } from "../../../log/truncation-note.ts";
import type { Disk } from "../../ports/disk.ts";
import type { CopiedPartition } from "../copies/copy-partition.ts";
import type { CleanedOffsets } from "../partition-context.ts";
import { replaceFile } from "./replace-file.ts";

/** Kafka's names for the checkpoints of a data directory. */
const fileNames = {
  recoveryPoints: "recovery-point-offset-checkpoint",
  logStarts: "log-start-offset-checkpoint",
  committed: "replication-offset-checkpoint",
  cleaned: "cleaner-offset-checkpoint",
} as const;

/** Log starts stand nowhere else: a second file has them too. Kafka leaves it alone. */
const logStartsCopyName = "xylem-log-start-offsets";

export type CheckpointName = keyof typeof fileNames;

/**
 * Offsets of all partitions of a data directory, by kind. Partitions that are not open keep what
 * the files said of them. A file is written only when something in it changed.
 */
export class DirectoryCheckpoints {
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #offsets: Record<CheckpointName, OffsetsByPartition> = {
    recoveryPoints: new Map(),
    logStarts: new Map(),
    committed: new Map(),
    cleaned: new Map(),
  };
  /**
   * How far each partition, by its folder's name, is compacted. Whoever is named may have gaps,
   * whatever the coordinator says: it may be one that was restored from a backup.
   */
  readonly cleaned: CleanedOffsets = {
    find: (partition) => this.find("cleaned", partition),
    store: (partition, offset) => {
      this.set("cleaned", partition, offset);
      return this.store("cleaned");
    },
  };
  /**
   * Up to where partitions were flushed whose files are gone. The file of recovery points says so
   * until `forgetMissing`: a start that is given up leaves it for the next one to find.
   */
  readonly #missing = new Map<string, number>();
  /** What differs from its file. */
  readonly #changed = new Set<CheckpointName>();
  #writing: Promise<void> = Promise.resolve();
  #writingCount = 0;

  private constructor(disk: Disk, log: Log) {
    this.#disk = disk;
    this.#log = log;
  }

  /**
   * Recovery points that can not be read count as 0: more is checked then, nothing is lost. Log
   * starts that can not be read, or are not there, are taken from their copy.
   */
  static async open(disk: Disk, log: Log): Promise<DirectoryCheckpoints> {
    const checkpoints = new DirectoryCheckpoints(disk, log);
    for (const name of Object.keys(fileNames) as CheckpointName[]) await checkpoints.#read(name);
    return checkpoints;
  }

  /** The files say what is set. */
  get areStored(): boolean {
    return this.#changed.size === 0 && this.#writingCount === 0;
  }

  find(name: CheckpointName, partition: string): number {
    return this.#offsets[name].get(partition) ?? 0;
  }

  /** Undefined: nothing is to be said of the partition. */
  set(name: CheckpointName, partition: string, offset: number | undefined): void {
    if (this.#offsets[name].get(partition) === offset) return;
    this.#changed.add(name);
    if (offset === undefined) this.#offsets[name].delete(partition);
    else this.#offsets[name].set(partition, offset);
  }

  mayHaveGaps(partition: string): boolean {
    return this.#offsets.cleaned.has(partition);
  }

  noteGaps(partition: string): void {
    if (!this.mayHaveGaps(partition)) this.set("cleaned", partition, 0);
  }

  /** What a copied partition is. */
  noteCopy(partition: string, copied: CopiedPartition): void {
    this.set("recoveryPoints", partition, copied.end);
    this.set("logStarts", partition, copied.logStart);
    if (copied.mayHaveGaps) this.noteGaps(partition);
  }

  /** Says no more than `offset`. */
  lower(name: CheckpointName, partition: string, offset: number): void {
    if (this.find(name, partition) > offset) this.set(name, partition, offset);
  }

  /** Nothing above a log's new end is counted on; durable when it resolves. */
  async cut(
    partition: string,
    { end, isRestart }: Pick<TruncationNote, "end" | "isRestart">,
  ): Promise<void> {
    this.lower("recoveryPoints", partition, end);
    this.lower("cleaned", partition, end);
    if (isRestart) this.set("committed", partition, end);
    else this.lower("committed", partition, end);
    if (isRestart) this.set("logStarts", partition, end);
    await this.storeAll();
  }

  forget(partition: string): void {
    if (this.#missing.delete(partition)) this.#changed.add("recoveryPoints");
    this.#forgetOffsets(partition);
  }

  #forgetOffsets(partition: string): void {
    for (const name of Object.keys(fileNames) as CheckpointName[]) {
      this.set(name, partition, undefined);
    }
  }

  /** Forgets the partitions that have no folder: one made anew must not inherit their offsets. */
  keepOnly(folders: ReadonlySet<string>): void {
    for (const offsets of Object.values(this.#offsets)) {
      for (const [partition, offset] of offsets) {
        if (folders.has(partition)) continue;
        this.#missing.set(partition, Math.max(offset, this.#missing.get(partition) ?? 0));
      }
    }
    for (const partition of this.#missing.keys()) this.#forgetOffsets(partition);
  }

  /** The log files of a partition are gone: it begins anew at its log start. Durable then. */
  async noteMissing(partition: string): Promise<void> {
    this.#missing.set(partition, this.find("recoveryPoints", partition));
    await this.cut(partition, { end: this.find("logStarts", partition), isRestart: true });
  }

  /** Up to where a partition was flushed whose files were not found; 0: none are missed. */
  findMissing(partition: string): number {
    return this.#missing.get(partition) ?? 0;
  }

  /** Whoever counts on what is missing knows by now. */
  async forgetMissing(): Promise<void> {
    if (this.#missing.size === 0) return;
    this.#missing.clear();
    this.#changed.add("recoveryPoints");
    await this.store("recoveryPoints");
  }

  /** Makes what is set now durable. Writes run one after the other. */
  store(...names: CheckpointName[]): Promise<void> {
    const next = this.#writing.then(async () => {
      for (const name of names) await this.#write(name);
    });
    this.#writing = next.catch(() => undefined);
    return next;
  }

  storeAll(): Promise<void> {
    return this.store("recoveryPoints", "logStarts", "committed", "cleaned");
  }

  /** Resolves when the writes asked for so far are over. */
  written(): Promise<void> {
    return this.#writing;
  }

  #toldOf(name: CheckpointName): OffsetsByPartition {
    const own = this.#offsets[name];
    const hasAll = name !== "recoveryPoints" || this.#missing.size === 0;
    return hasAll ? own : new Map([...own, ...this.#missing]);
  }

  async #read(name: CheckpointName): Promise<void> {
    const bytes = await this.#disk.readFile(fileNames[name]);
    const read = this.#parse(fileNames[name], bytes);
    if (read !== "unreadable") this.#offsets[name] = read;
    // Kafka makes its files empty before it first writes to them.
    if (read === "unreadable" || bytes?.length === 0) this.#changed.add(name);
    const isGone = bytes === undefined || read === "unreadable";
    if (name === "logStarts") await this.#readCopy(bytes, isGone);
  }

  /** They differ where a process was killed between the two, or Kafka wrote to its own file. */
  async #readCopy(own: Uint8Array | undefined, isNeeded: boolean): Promise<void> {
    const bytes = await this.#disk.readFile(logStartsCopyName);
    if (bytes !== undefined && (own === undefined || !equalBytes(own, bytes))) {
      this.#changed.add("logStarts");
    }
    const copy = isNeeded ? this.#parse(logStartsCopyName, bytes) : "unreadable";
    if (copy !== "unreadable") this.#offsets.logStarts = copy;
  }

  #parse(file: string, bytes: Uint8Array | undefined): OffsetsByPartition | "unreadable" {
    if (bytes === undefined) return new Map();
    try {
      return parseOffsetCheckpoint(decodeUtf8(bytes));
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#log.error("a checkpoint can not be read", { file, why: error.message });
      return "unreadable";
    }
  }

  async #write(name: CheckpointName): Promise<void> {
    if (!this.#changed.delete(name)) return;
    const files = name === "logStarts" ? [logStartsCopyName, fileNames[name]] : [fileNames[name]];
    this.#writingCount += 1;
    try {
      for (const file of files) {
        const slices = formatOffsetSlices(this.#toldOf(name));
        await replaceFile(this.#disk, { directory: "", name: file }, slices);
      }
    } catch (error) {
      this.#changed.add(name);
      throw error;
    } finally {
      this.#writingCount -= 1;
    }
  }
}
