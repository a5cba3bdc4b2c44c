import { beforeAll, describe, expect, test } from "vitest";
import { committed, openWorld, tools } from "../../../../test/support/log-directory.ts";
import { equalBytes } from "../../../base/bytes.ts";
import { type Log, silentLog } from "../../../base/log.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { type BatchOptions, buildBatch } from "../../../protocol/build-batch.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Partition } from "../partition.ts";

/** Nothing from memory: what is spoiled on the disk is what is read. */
const settings = { "log.tail.cache.max.bytes": 0 };
const segmented = { "segment.records": 5, "index.interval.bytes": 100 };
const producer = { producerId: 9, producerEpoch: 0 };
const recoveryPath = "recovery-point-offset-checkpoint";
const timestampMs = 1_767_225_600_000;

interface StoredBatch {
  readonly path: string;
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly endOffset: number;
}

/** A log as files, and the batches in it. */
interface SampleLog {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly batches: readonly StoredBatch[];
  readonly end: number;
}

function batchOf(count: number, options: BatchOptions): Uint8Array {
  const records = Array.from({ length: count }, (_, index) => ({
    key: encodeUtf8(`k${index}`),
    value: encodeUtf8(`value ${index}`),
    timestampMs: timestampMs + index,
  }));
  return buildBatch(records, options, tools);
}

/** Three segments with every kind of batch; the last one is appended to. */
async function writeLog(partition: Partition): Promise<void> {
  const transaction = { ...producer, isTransactional: true };
  const batches = [
    batchOf(1, {}),
    batchOf(2, { codec: "gzip" }),
    batchOf(1, { producerId: 7, producerEpoch: 0, baseSequence: 0 }),
    batchOf(2, { ...transaction, baseSequence: 0 }),
    "abort" as const,
    batchOf(1, { codec: "lz4" }),
    batchOf(3, { codec: "snappy" }),
    batchOf(1, { ...transaction, baseSequence: 2 }),
    "commit" as const,
    batchOf(1, { codec: "zstd" }),
    batchOf(1, {}),
  ];
  for (const batch of batches) {
    if (typeof batch === "string") {
      const versions = { coordinatorEpoch: 0, transactionVersion: 1 };
      partition.endTransaction({ type: batch, ...producer, ...versions });
    } else partition.append(batch, { origin: "client", isTransactionKnown: true });
    await committed(partition, partition.end);
  }
}

async function sampleLog(isClean: boolean): Promise<SampleLog> {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings });
  const partition = await world.open("orders", segmented);
  await writeLog(partition);
  await world.directory.checkpoint();
  const { end } = partition;
  if (isClean) await world.directory.close();
  const files = new Map(disk.paths().map((path) => [path, disk.peek(path)]));
  const logs = [...files].filter(([path]) => path.endsWith(".log"));
  return { files, batches: logs.flatMap(([path, bytes]) => batchesIn(path, bytes)), end };
}

function batchesIn(path: string, bytes: Uint8Array): StoredBatch[] {
  const found: StoredBatch[] = [];
  const walk = new BatchWalk(bytes, 0, 0);
  for (; walk.look() === "batch"; walk.advance()) {
    const { position, sizeBytes, baseOffset, lastOffset } = walk;
    const batch = bytes.slice(position, position + sizeBytes);
    found.push({ path, position, bytes: batch, baseOffset, endOffset: lastOffset + 1 });
  }
  return found;
}

async function diskWith(files: ReadonlyMap<string, Uint8Array>): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("orders-0");
  for (const [path, bytes] of files) disk.poke(path, bytes);
  return disk;
}

function flip(disk: SimulatedDisk, path: string, at: { position: number; bit: number }): void {
  const byte = disk.peek(path)[at.position] as number;
  disk.spoil(path, at.position, Uint8Array.of(byte ^ (1 << at.bit)));
}

type Told = { message: string; fields: Record<string, unknown> }[];

function keptLog(): { log: Log; told: Told } {
  const told: Told = [];
  const keep = (message: string, fields = {}): unknown => told.push({ message, fields });
  return { log: { ...silentLog, warn: keep, error: keep }, told };
}

async function readAt(partition: Partition, offset: number, sizeBytesMax: number) {
  const limits = { sizeBytesMax, wholeFirst: true, upTo: partition.end };
  try {
    const { chunks } = await partition.read(offset, limits);
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof XylemError) return error.code;
    throw error;
  }
}

/** What is wrong with what the log answers, given that one batch is spoiled; empty: nothing. */
async function faultsOf(
  partition: Partition,
  sample: SampleLog,
  spoiled: StoredBatch | undefined,
): Promise<string[]> {
  const faults: string[] = [];
  const isCut = partition.end < sample.end;
  if (isCut && partition.end !== spoiled?.baseOffset) faults.push(`it ends at ${partition.end}`);
  for (let offset = partition.logStart; offset < partition.end; offset += 1) {
    const at = sample.batches.findIndex(({ endOffset }) => offset < endOffset);
    const batch = sample.batches[at] as StoredBatch;
    for (const sizeBytesMax of [1, 100_000]) {
      const read = await readAt(partition, offset, sizeBytesMax);
      if (typeof read === "string") {
        if (batch !== spoiled || read !== "CORRUPT_MESSAGE") faults.push(`${offset}: ${read}`);
        continue;
      }
      if (batch === spoiled) faults.push(`${offset}: spoiled and served`);
      else if (!startsWithBatches(read, sample.batches.slice(at))) {
        faults.push(`${offset}: served ${read.length} bytes that were not written there`);
      }
    }
  }
  if (faults.length === 0) faults.push(...(await faultsOfNext(partition)));
  return faults;
}

/** The log goes on behind what is damaged. */
async function faultsOfNext(partition: Partition): Promise<string[]> {
  const { end } = partition;
  partition.append(batchOf(1, {}), { origin: "client" });
  await committed(partition, end + 1);
  const read = await readAt(partition, end, 1);
  if (typeof read !== "string" && new BatchWalk(read, 0, end).look() === "batch") return [];
  return [`what was appended at ${end} can not be read`];
}

function startsWithBatches(read: Uint8Array, batches: readonly StoredBatch[]): boolean {
  let position = 0;
  for (const { bytes } of batches) {
    if (position === read.length) break;
    if (!equalBytes(read.subarray(position, position + bytes.length), bytes)) return false;
    position += bytes.length;
  }
  return position > 0 && position === read.length;
}

/** Base offset, length, leader epoch and magic, which no sum covers; and the sum. */
const headBytes = 21;

/** Every byte with one of its bits; those that no sum covers with each, over the four tests. */
function* bitsOf({ bytes }: StoredBatch, turn: number): Iterable<{ at: number; bit: number }> {
  for (let at = 0; at < bytes.length; at += 1) {
    const bit = (at * 5 + turn * 2) % 8;
    yield { at, bit };
    if (at < headBytes) yield { at, bit: (bit + 1) % 8 };
  }
}

type Open = (
  sample: SampleLog,
  spoil: (disk: SimulatedDisk) => void,
) => Promise<{ partition: Partition; told: Told }>;

/** Every flip in every batch; the first few that are not met as promised. */
async function flipAll(sample: SampleLog, open: Open, turn: number): Promise<string[]> {
  const failures: string[] = [];
  for (const batch of sample.batches) {
    for (const { at, bit } of bitsOf(batch, turn)) {
      const { path } = batch;
      const opened = await open(sample, (disk) =>
        flip(disk, path, { position: batch.position + at, bit }),
      );
      const { partition, told } = opened;
      const isCut = partition.end === batch.baseOffset;
      const faults = await faultsOf(partition, sample, batch);
      if (!isTold(told, isCut, batch)) faults.push("it was not told where");
      if (faults.length === 0) continue;
      failures.push(`bit ${bit} of byte ${at} of the batch at ${batch.baseOffset}: ${faults[0]}`);
      if (failures.length === 20) return failures;
    }
  }
  return failures;
}

/** A line names topic, partition, segment and offset; of what was cut, where that was. */
function isTold(told: Told, isCut: boolean, batch: StoredBatch): boolean {
  const { path, position, baseOffset } = batch;
  const damage = {
    topic: "orders",
    partition: 0,
    segment: path,
    position,
    firstOffset: baseOffset,
  };
  const cut = { segment: path, position, fromOffset: baseOffset };
  const wanted = Object.entries(isCut ? cut : damage);
  return told.some(({ fields }) => wanted.every(([name, value]) => fields[name] === value));
}

const running: Open = async ({ files }, spoil) => {
  const disk = await diskWith(files);
  const { log, told } = keptLog();
  const world = await openWorld(disk, { settings, log });
  const partition = await world.open("orders", segmented);
  spoil(disk);
  return { partition, told };
};

const restarted: Open = async ({ files }, spoil) => {
  const disk = await diskWith(files);
  spoil(disk);
  const { log, told } = keptLog();
  const world = await openWorld(disk, { settings, log });
  return { partition: await world.open("orders", segmented), told };
};

const unflushed: Open = ({ files, ...sample }, spoil) =>
  restarted(
    { ...sample, files: new Map([...files].filter(([path]) => path !== recoveryPath)) },
    spoil,
  );

describe("a bit that flips in any byte of a log", () => {
  let clean: SampleLog;
  let killed: SampleLog;

  beforeAll(async () => {
    clean = await sampleLog(true);
    killed = await sampleLog(false);
  });

  test("the sample has all kinds of batches, in several segments", () => {
    expect(new Set(clean.batches.map(({ path }) => path)).size).toBeGreaterThanOrEqual(3);
    expect(clean.batches).toHaveLength(11);
  });

  test("while the node runs: told, refused, and the rest is read", async () => {
    expect(await flipAll(clean, running, 0)).toEqual([]);
  });

  test("before a start that follows on a clean stop", async () => {
    expect(await flipAll(clean, restarted, 1)).toEqual([]);
  });

  test("before a start that follows on a kill, below the recovery point", async () => {
    expect(await flipAll(killed, restarted, 2)).toEqual([]);
  });

  test("before a start that follows on a kill, above the recovery point", async () => {
    expect(await flipAll(killed, unflushed, 3)).toEqual([]);
  });
});
