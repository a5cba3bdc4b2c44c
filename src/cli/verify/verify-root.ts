import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MalformedError, XylemError } from "../../base/errors.ts";
import { decodeUtf8 } from "../../base/text.ts";
import { parseTopicEntry, topicsPrefix, type TopicEntry } from "../../broker/topics/topic-entry.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import { replayLines } from "../../coordination/local/transaction-line.ts";
import { parseMetaProperties } from "../../log/meta-properties.ts";
import {
  formatOffsetCheckpoint,
  isOffsetCheckpoint,
  type OffsetsByPartition,
  parseOffsetCheckpoint,
} from "../../log/text-checkpoint.ts";
import { systemCode } from "../../storage/disk-error.ts";
import type { VerifyRun } from "./verify-partition.ts";

/** What the files of the data directory itself say. */
export interface VerifyRoot {
  /** The last stop was a clean one: what is known of the ends must be true. */
  readonly isClean: boolean;
  readonly recoveryPoints: OffsetsByPartition;
  readonly logStarts: OffsetsByPartition;
  /** Partitions that compaction has taken records of, or may have. */
  readonly cleaned: OffsetsByPartition;
  /** A node wrote them, with a sum: they are as it knew them. */
  readonly areLogStartsSummed: boolean;
  /** Undefined: Xylem never ran here, or the coordinator's file can not be read. */
  readonly topics: ReadonlyMap<string, TopicEntry> | undefined;
  readonly folders: readonly string[];
}

const logStartsCopyName = "xylem-log-start-offsets";
const cleanMarkerName = ".kafka_cleanshutdown";
export const recoveryPointsName = "recovery-point-offset-checkpoint";
export const logStartsName = "log-start-offset-checkpoint";
const cleanedName = "cleaner-offset-checkpoint";
const committedName = "replication-offset-checkpoint";
/** Where Kafka keeps topics and configs. */
const metadataFolder = "__cluster_metadata-0";
export const coordinatorName = "xylem-coordinator.log";

export async function readRoot(data: string, run: VerifyRun): Promise<VerifyRoot> {
  const entries = await readdir(data, { withFileTypes: true });
  const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
  const reading = new RootReading(data, files, run);
  const recoveryPoints = await reading.checkpoint(recoveryPointsName);
  const logStarts = await reading.checkpoint(logStartsName);
  await reading.checkpoint(committedName);
  const cleaned = await reading.checkpoint(cleanedName);
  const areLogStartsSummed = await reading.areSummed(logStartsName, logStarts);
  if (areLogStartsSummed) await reading.logStartsCopy(logStarts);
  await reading.read("meta.properties", (bytes) => void parseMetaProperties(decodeUtf8(bytes)));
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (!files.has(coordinatorName) && !folders.includes(metadataFolder)) {
    const why = "it is not there: topics are known by their folders alone";
    run.report({ kind: "note", file: coordinatorName, why });
  }
  return {
    isClean: files.has(cleanMarkerName),
    recoveryPoints,
    logStarts,
    cleaned,
    areLogStartsSummed,
    topics: await reading.topics(),
    folders,
  };
}

class RootReading {
  readonly #data: string;
  readonly #files: ReadonlySet<string>;
  readonly #run: VerifyRun;

  constructor(data: string, files: ReadonlySet<string>, run: VerifyRun) {
    this.#data = data;
    this.#files = files;
    this.#run = run;
  }

  async checkpoint(name: string): Promise<OffsetsByPartition> {
    let offsets: OffsetsByPartition = new Map();
    await this.read(name, (bytes) => {
      const text = decodeUtf8(bytes);
      offsets = parseOffsetCheckpoint(text);
      if (text === "" && this.#mayBeEmpty(name)) return;
      if (!isOffsetCheckpoint(text, offsets)) throw new MalformedError("nobody writes it so");
    });
    return offsets;
  }

  /** Kafka makes these files empty, and writes to the cleaner's once it has compacted something. */
  #mayBeEmpty(name: string): boolean {
    if (name === cleanedName) return true;
    const hasCopy = name === logStartsName && this.#files.has(logStartsCopyName);
    return !hasCopy && !this.#files.has(cleanMarkerName);
  }

  async areSummed(name: string, offsets: OffsetsByPartition): Promise<boolean> {
    const expected = formatOffsetCheckpoint(offsets);
    let areOurs = false;
    await this.read(name, (bytes) => (areOurs = decodeUtf8(bytes) === expected));
    return areOurs;
  }

  /**
   * A node writes log starts twice: where it wrote last, with our sum, the two are equal, unless it
   * was killed between the two.
   */
  async logStartsCopy(logStarts: OffsetsByPartition): Promise<void> {
    const expected = formatOffsetCheckpoint(logStarts);
    let found: string | undefined;
    await this.read(logStartsCopyName, (bytes) => (found = decodeUtf8(bytes)));
    if (logStarts.size === 0 || found === expected) return;
    const isCut = !this.#files.has(cleanMarkerName) && found !== undefined && isWhole(found);
    const why = `it is not as ${logStartsName} says; the next write makes it so`;
    this.#run.report({ kind: isCut ? "note" : "damage", file: logStartsCopyName, why });
  }

  async topics(): Promise<ReadonlyMap<string, TopicEntry> | undefined> {
    let topics: Map<string, TopicEntry> | undefined;
    await this.read(coordinatorName, (bytes) => {
      const { transactions, sizeBytes } = replayLines(bytes, crc32c);
      topics = new Map();
      for (const { writes } of transactions) {
        for (const { key, value } of writes) {
          if (!key.startsWith(topicsPrefix)) continue;
          const topic = key.slice(topicsPrefix.length);
          if (value === null) topics.delete(topic);
          else topics.set(topic, parseTopicEntry(topic, value));
        }
      }
      const torn = bytes.length - sizeBytes;
      if (torn === 0) return;
      const at = { file: coordinatorName, position: sizeBytes, sizeBytes: torn };
      if (this.#files.has(cleanMarkerName)) {
        this.#run.report({ kind: "damage", ...at, why: "its last line is torn" });
        return;
      }
      const why = "a torn last line: never confirmed, the next start cuts it";
      this.#run.report({ kind: "note", ...at, why });
    });
    return topics;
  }

  /** A file that is there and can not be read, or does not parse, is damaged. */
  async read(name: string, parse: (bytes: Uint8Array) => void): Promise<void> {
    if (!this.#files.has(name)) return;
    try {
      parse(await readFile(join(this.#data, name)));
    } catch (error) {
      const isRead =
        systemCode(error) !== undefined ||
        error instanceof MalformedError ||
        error instanceof XylemError;
      if (!isRead || !(error instanceof Error)) throw error;
      const why = `it can not be read: ${error.message}`;
      this.#run.report({ kind: "damage", file: name, why });
    }
  }
}

/** As a node wrote it, its sum included. */
function isWhole(checkpoint: string): boolean {
  try {
    return formatOffsetCheckpoint(parseOffsetCheckpoint(checkpoint)) === checkpoint;
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}
