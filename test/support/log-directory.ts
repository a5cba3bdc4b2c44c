import { joinBytes } from "../../src/base/bytes.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { defaultNodeSettings, type NodeSettings } from "../../src/base/settings/node-settings.ts";
import {
  defaultTopicSettings,
  type TopicSettings,
} from "../../src/base/settings/topic-settings.ts";
import { encodeUtf8 } from "../../src/base/text.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { PassReport } from "../../src/broker/partition/compaction/partition-compaction.ts";
import { LogDirectory } from "../../src/broker/partition/directory/log-directory.ts";
import type { PartitionLog } from "../../src/broker/partition/partition-log.ts";
import type { Partition } from "../../src/broker/partition/partition.ts";
import type { Replica } from "../../src/broker/partition/replica/replica.ts";
import type { Compactor } from "../../src/broker/ports/compactor.ts";
import type { Disk } from "../../src/broker/ports/disk.ts";
import { BatchWalk } from "../../src/log/batch-walk.ts";
import { compression } from "../../src/codecs/node-compression.ts";
import { crc32c } from "../../src/codecs/native-crc32c.ts";
import { type BatchOptions, buildBatch } from "../../src/protocol/build-batch.ts";
import { decodeRecords, type LogRecord } from "../../src/protocol/record.ts";
import { MemoryDisk } from "../../src/storage/memory-disk.ts";

export const tools = { crc32c, compression };
export const topicId = Uint8Array.from({ length: 16 }, (_, index) => index + 1);

/** A log directory on a disk, with time and chance that repeat. */
export interface LogWorld {
  readonly directory: LogDirectory;
  readonly clock: VirtualClock;
  open(topic?: string, settings?: Partial<TopicSettings>): Promise<Partition>;
  /** Of the topic "orders"; nobody governs it yet. */
  openReplica(settings?: Partial<TopicSettings>): Promise<Replica>;
}

/** Node settings with which every read goes to the disk. */
export const fromDisk = { "log.tail.cache.max.bytes": 0 };

export interface WorldOptions {
  readonly clock?: VirtualClock;
  readonly settings?: Partial<NodeSettings>;
  readonly seed?: number;
  readonly log?: Log;
  readonly compactor?: Compactor;
}

export function memoryDisk(sizeBytesMax = 64 * 1024 * 1024): MemoryDisk {
  return new MemoryDisk({ sizeBytesMax, clock: new VirtualClock() });
}

export async function openWorld(disk: Disk, options: WorldOptions = {}): Promise<LogWorld> {
  const clock = options.clock ?? new VirtualClock();
  const settings = { ...defaultNodeSettings, ...options.settings };
  const random = new SeededRandom(options.seed ?? 1);
  const { log = silentLog, compactor } = options;
  const other = compactor === undefined ? {} : { compactor };
  const parts = { disk, settings, clock, random, log, ...other, ...tools };
  const directory = await LogDirectory.open(parts);
  return {
    directory,
    clock,
    open: async (topic = "orders", topicSettings = {}) => {
      const all = { ...defaultTopicSettings, ...topicSettings };
      const key = { name: topic, id: topicId, isDense: true };
      return await directory.openPartition(key, 0, all);
    },
    openReplica: async (topicSettings = {}) => {
      const all = { ...defaultTopicSettings, ...topicSettings };
      return await directory.openReplica({ name: "orders", id: topicId, isDense: true }, 0, all);
    },
  };
}

/** A batch of one record per value; null is a tombstone. */
export function batchOf(
  values: readonly (string | null)[],
  options: BatchOptions & { readonly timestampMs?: number; readonly key?: string } = {},
): Uint8Array {
  const { timestampMs = 1_767_225_600_000, key, ...fields } = options;
  const records = values.map((value) => ({
    key: key === undefined ? null : encodeUtf8(key),
    value: value === null ? null : encodeUtf8(value),
    timestampMs,
  }));
  return buildBatch(records, fields, tools);
}

/** A batch of so many records, with a sound header and sum, whose contents do not open. */
export function garbageBatch(count: number): Uint8Array {
  const records = Array.from({ length: count }, () => ({ key: null, value: null, timestampMs: 1 }));
  const compress = (): Uint8Array => encodeUtf8("no gzip at all");
  return buildBatch(
    records,
    { codec: "gzip" },
    { crc32c, compression: { ...compression, compress } },
  );
}

/** Appends one batch and waits until it is committed. Answers its base offset. */
export async function append(
  partition: PartitionLog,
  values: readonly (string | null)[],
  options: Parameters<typeof batchOf>[1] = {},
): Promise<number> {
  const { baseOffset, lastOffset } = partition.append(batchOf(values, options), {
    origin: "client",
  });
  await committed(partition, lastOffset + 1);
  return baseOffset;
}

export function committed(partition: PartitionLog, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    partition.whenCommitted(offset, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

/** The stored bytes from `offset` to the committed offset, segment by segment. */
export async function readBytes(partition: PartitionLog, offset: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let next = offset; next < partition.committed;) {
    const limits = { sizeBytesMax: 1024 * 1024, wholeFirst: true, upTo: partition.committed };
    const result = await partition.read(next, limits);
    if (result.chunks.length === 0) break;
    const bytes = joinBytes(result.chunks);
    chunks.push(bytes);
    const walk = new BatchWalk(bytes, 0, 0);
    for (; walk.look() === "batch"; walk.advance()) next = walk.lastOffset + 1;
  }
  return joinBytes(chunks);
}

export async function readRecords(partition: PartitionLog, offset: number): Promise<LogRecord[]> {
  const bytes = await readBytes(partition, offset);
  const walk = new BatchWalk(bytes, 0, 0);
  const records: LogRecord[] = [];
  for (; walk.look() === "batch"; walk.advance()) {
    records.push(...decodeRecords(walk.batch, { compression, sizeBytesMax: 1_000_000 }));
  }
  return records.filter((record) => record.offset >= offset);
}

const decoder = new TextDecoder();

export async function readValues(partition: PartitionLog, offset = 0): Promise<string[]> {
  const records = await readRecords(partition, offset);
  return records.map(({ value }) => decoder.decode(value ?? new Uint8Array(0)));
}

/** A pass of compaction, its pauses in virtual time. */
export async function runPass(
  partition: Partition,
  clock: VirtualClock,
): Promise<PassReport | undefined> {
  let isDone = false;
  const pass = partition.compaction.run().finally(() => {
    isDone = true;
  });
  pass.catch(() => undefined);
  while (!isDone) {
    await clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return pass;
}
