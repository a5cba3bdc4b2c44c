import { expect, test } from "vitest";
import { committed, openWorld, tools } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { silentLog } from "../../../base/log.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import { buildBatch } from "../../../protocol/build-batch.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Partition } from "../partition.ts";

const settings = { "log.tail.cache.max.bytes": 0 };
const hourMs = 3_600_000;
/** Of the first segment's records all are older than retention allows, of others none. */
const segmented = { "segment.records": 5, "index.interval.bytes": 60, "retention.ms": hourMs };
const nowMs = 1_767_225_600_000;
const producer = { producerId: 9, producerEpoch: 0 };
const batchCount = 14;

type Files = ReadonlyMap<string, Uint8Array>;

function batchAt(index: number): Uint8Array {
  const timestampMs = nowMs - (index < 6 ? 2 * hourMs : hourMs / 2) + index * 1_000;
  const record = { key: null, value: encodeUtf8(`value ${index}`), timestampMs };
  const baseSequence = index - 1;
  const options = index === 0 ? {} : { ...producer, baseSequence, isTransactional: true };
  return buildBatch([record], options, tools);
}

async function writeFiles(isClean: boolean): Promise<Files> {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings });
  const partition = await world.open("orders", segmented);
  for (let index = 0; index < batchCount; index += 1) {
    partition.append(batchAt(index), { origin: "client", isTransactionKnown: true });
    if (index % 3 === 2) {
      const type = index % 2 === 0 ? ("commit" as const) : ("abort" as const);
      partition.endTransaction({ type, ...producer, coordinatorEpoch: 0, transactionVersion: 1 });
    }
    await committed(partition, partition.end);
  }
  await partition.deleteRecordsBefore(2);
  await world.directory.checkpoint();
  if (isClean) await world.directory.close();
  return new Map(disk.paths().map((path) => [path, disk.peek(path)]));
}

async function diskWith(files: Files): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("orders-0");
  for (const [path, bytes] of files) disk.poke(path, bytes);
  return disk;
}

async function open(disk: SimulatedDisk): Promise<Partition> {
  const told = { ...silentLog };
  const world = await openWorld(disk, { settings, log: told });
  return await world.open("orders", segmented);
}

/** All that a client can learn of the log, as text. */
async function describeLog(partition: Partition): Promise<string[]> {
  const { logStart, end } = partition;
  const lines = [`${logStart} to ${end}`];
  for (let offset = logStart; offset < end; offset += 1) {
    lines.push(`${offset}: ${await told(() => bytesAt(partition, offset))}`);
  }
  for (const backMs of [2 * hourMs, 2 * hourMs - 4_000, hourMs, hourMs / 2 - 8_000, 0]) {
    const found = await told(async () => partition.findByTimestamp(nowMs - backMs, end));
    lines.push(`at ${backMs}: ${found}`);
  }
  lines.push(`largest: ${await told(() => partition.findMaxTimestamp())}`);
  lines.push(`aborted: ${await told(async () => partition.abortedTransactions(0, end))}`);
  lines.push(`epoch: ${await told(async () => partition.endOffsetForEpoch(0))}`);
  const known = [...partition.producers()].map(({ producerId, batches }) => [producerId, batches]);
  lines.push(`producers: ${JSON.stringify(known)}`);
  await partition.applyRetention(nowMs);
  lines.push(`kept from: ${partition.logStart}`);
  return lines;
}

async function told(ask: () => unknown): Promise<string> {
  try {
    return JSON.stringify(await ask(), (_, value) =>
      typeof value === "bigint" ? `${value}n` : value,
    );
  } catch (error) {
    if (error instanceof XylemError) return error.code;
    throw error;
  }
}

async function bytesAt(partition: Partition, offset: number): Promise<string> {
  const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: partition.end };
  return Buffer.concat((await partition.read(offset, limits)).chunks).toString("base64");
}

const beside = (path: string): boolean => !path.endsWith(".log") && path !== "meta.properties";

/**
 * Where a transaction begins stands in the index only: moved to a later batch of the same
 * transaction it still looks true.
 */
const isUnprovable = (path: string, at: number): boolean =>
  path.endsWith(".txnindex") && at % 34 === 17;

test.each([true, false])(
  "a bit that flips in any file beside the log changes nothing a client sees (clean stop: %s)",
  async (isClean) => {
    const files = await writeFiles(isClean);
    const whole = await describeLog(await open(await diskWith(files)));
    expect(whole).not.toContain("CORRUPT");
    const failures: string[] = [];
    for (const [path, bytes] of files) {
      if (!beside(path)) continue;
      for (let at = 0; at < bytes.length; at += 1) {
        if (isUnprovable(path, at)) continue;
        const disk = await diskWith(files);
        const bit = (at * 3 + path.length) % 8;
        disk.spoil(path, at, Uint8Array.of((bytes[at] as number) ^ (1 << bit)));
        const seen = await open(disk).then(describeLog, (error: Error) => [String(error)]);
        const line = seen.find((text, index) => text !== whole[index]);
        if (line !== undefined) failures.push(`${path} byte ${at} bit ${bit}: ${line}`);
      }
    }
    expect(failures).toEqual([]);
  },
);
