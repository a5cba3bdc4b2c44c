import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import {
  append,
  batchOf,
  openWorld,
  readBytes,
  readValues,
  tools,
} from "../../../../test/support/log-directory.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import { RecordBatch } from "../../../protocol/record-batch.ts";
import { decodeRecords } from "../../../protocol/record.ts";
import type { Partition } from "../partition.ts";

const logPath = "orders-0/00000000000000000000.log";
const values = ["one", "two", "three", "four"];
const ends = positionsOfEnds();

function positionsOfEnds(): number[] {
  let position = 0;
  return values.map((value) => (position += batchOf([value]).length));
}

/** A log of four batches of one record, as a killed process leaves it. */
async function killedLog(recoveryPoint: number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const partition = await world.open();
  for (const value of values) await append(partition, [value]);
  const left = disk.afterKill();
  const checkpoint = `0\n1\norders 0 ${recoveryPoint}\n`;
  left.poke("recovery-point-offset-checkpoint", encodeUtf8(checkpoint));
  return left;
}

async function reopen(disk: SimulatedDisk): Promise<Partition> {
  return (await openWorld(disk)).open();
}

/** What reading each offset gives: its value, or the code of the error. */
async function readEach(partition: Partition): Promise<string[]> {
  const results: string[] = [];
  for (let offset = partition.logStart; offset < partition.end; offset += 1) {
    try {
      const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: offset + 1 };
      const { chunks } = await partition.read(offset, limits);
      results.push(valueOf(chunks[0]));
    } catch (error) {
      results.push((error as { code: string }).code);
    }
  }
  return results;
}

function valueOf(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "nothing";
  const options = { compression: tools.compression, sizeBytesMax: 1_000 };
  const [record] = decodeRecords(new RecordBatch(bytes), options);
  return Buffer.from(record?.value ?? []).toString();
}

describe("after a kill", () => {
  test("a log cut at any byte keeps its whole batches and goes on after them", async () => {
    const whole = (await killedLog(0)).peek(logPath);
    for (let size = 0; size <= whole.length; size += 1) {
      const disk = await killedLog(0);
      disk.poke(logPath, whole.slice(0, size));
      const partition = await reopen(disk);
      const kept = ends.filter((end) => end <= size).length;
      expect(await readValues(partition)).toEqual(values.slice(0, kept));
      expect(await append(partition, ["next"])).toBe(kept);
      expect(await readValues(partition)).toEqual([...values.slice(0, kept), "next"]);
    }
  });

  test("any bit flipped above the recovery point in the last batch cuts it as torn", async () => {
    const whole = (await killedLog(0)).peek(logPath);
    for (let at = ends[2] as number; at < whole.length; at += 1) {
      if (isEpochByte(at)) continue;
      const disk = await killedLog(3);
      disk.poke(logPath, flipped(whole, at));
      const partition = await reopen(disk);
      expect([at, await readEach(partition)]).toEqual([at, ["one", "two", "three"]]);
      expect(disk.peek(logPath).length).toBe(ends[2]);
    }
  });

  test("a bit flipped before a good batch is damage: nothing is cut, all else read", async () => {
    const whole = (await killedLog(0)).peek(logPath);
    for (let at = ends[0] as number; at < (ends[1] as number); at += 1) {
      if (isEpochByte(at)) continue;
      const disk = await killedLog(0);
      disk.poke(logPath, flipped(whole, at));
      const partition = await reopen(disk);
      const expected = ["one", "CORRUPT_MESSAGE", "three", "four"];
      expect([at, await readEach(partition)]).toEqual([at, expected]);
      expect(disk.peek(logPath).length).toBe(whole.length);
      expect(await append(partition, ["five"])).toBe(4);
      expect(await readEach(partition)).toEqual([...expected, "five"]);
    }
  });

  test("damage below the recovery point is not cut though nothing follows it", async () => {
    const whole = (await killedLog(0)).peek(logPath);
    const disk = await killedLog(4);
    disk.poke(logPath, flipped(whole, (ends[3] as number) - 1));
    const partition = await reopen(disk);
    expect(await readEach(partition)).toEqual(["one", "two", "three", "CORRUPT_MESSAGE"]);
    expect(disk.peek(logPath).length).toBe(whole.length);
    expect(await append(partition, ["five"])).toBe(4);
    expect((await readEach(partition)).slice(3)).toEqual(["CORRUPT_MESSAGE", "five"]);
  });

  test("flushed records that are gone are told, their offsets not given out again", async () => {
    const disk = await killedLog(4);
    disk.poke(logPath, disk.peek(logPath).slice(0, ends[1]));
    const partition = await reopen(disk);
    const lost = ["CORRUPT_MESSAGE", "CORRUPT_MESSAGE"];
    expect(await readEach(partition)).toEqual(["one", "two", ...lost]);
    expect(await append(partition, ["five"])).toBe(4);
    expect(await readEach(partition)).toEqual(["one", "two", ...lost, "five"]);
  });
});

describe("after a clean stop", () => {
  test("a bad last batch is damage and never cut", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const first = await world.open();
    for (const value of values) await append(first, [value]);
    await world.directory.close();
    const whole = disk.peek(logPath);
    disk.poke(logPath, flipped(whole, (ends[3] as number) - 1));
    const partition = await reopen(disk);
    expect(await readEach(partition)).toEqual(["one", "two", "three", "CORRUPT_MESSAGE"]);
    expect(partition.end).toBe(4);
    expect(disk.peek(logPath).length).toBe(whole.length);
  });
});

describe("a power cut", () => {
  test("at any moment loses nothing acknowledged, shows nothing torn, keeps order", async () => {
    const plan = fc.record({
      seed: fc.nat(),
      count: fc.integer({ min: 1, max: 40 }),
      cutAt: fc.integer({ min: 1, max: 120 }),
      segmentBytes: fc.constantFrom(150, 400, 4_000),
    });
    const check = fc.asyncProperty(plan, async (run) => {
      const acknowledged = await runUntilCut(run);
      const partition = (await openWorld(acknowledged.disk)).open("orders", {
        "internal.segment.bytes": run.segmentBytes,
      });
      const kept = await readValues(await partition);
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => `value ${index}`));
      expect(kept.length).toBeGreaterThanOrEqual(acknowledged.count);
    });
    await fc.assert(check, { numRuns: 150 });
  });
});

interface CutPlan {
  readonly seed: number;
  readonly count: number;
  readonly cutAt: number;
  readonly segmentBytes: number;
}

/** Appends until the disk's operation number `cutAt`, then cuts the power. */
async function runUntilCut(run: CutPlan): Promise<{ disk: SimulatedDisk; count: number }> {
  const random = new SeededRandom(run.seed);
  const disk = new SimulatedDisk();
  const state = { count: 0, operations: 0, left: undefined as SimulatedDisk | undefined };
  let countAtCut = 0;
  disk.fault = (): void => {
    state.operations += 1;
    if (state.operations !== run.cutAt) return;
    state.left = disk.afterPowerCut(random);
    countAtCut = state.count;
  };
  const world = await openWorld(disk);
  const partition = await world.open("orders", { "internal.segment.bytes": run.segmentBytes });
  const waits: Promise<void>[] = [];
  for (let index = 0; index < run.count; index += 1) {
    const { lastOffset } = partition.append(batchOf([`value ${index}`]), { origin: "client" });
    const wait = new Promise<void>((resolve) => {
      partition.whenCommitted(lastOffset + 1, () => {
        state.count = Math.max(state.count, lastOffset + 1);
        resolve();
      });
    });
    waits.push(wait);
    if (random.nextUint32() % 3 === 0) await Promise.all(waits);
    if (random.nextUint32() % 10 === 0) await world.directory.checkpoint();
  }
  await Promise.all(waits);
  if (state.left !== undefined) return { disk: state.left, count: countAtCut };
  return { disk: disk.afterPowerCut(random), count: state.count };
}

/** No sum covers the leader epoch of a batch, at bytes 12 to 15. */
function isEpochByte(at: number): boolean {
  const start = ends.findLast((end) => end <= at) ?? 0;
  return at - start >= 12 && at - start < 16;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const spoiled = bytes.slice();
  spoiled[at] = (spoiled[at] as number) ^ 0x10;
  return spoiled;
}

test("a damaged batch in a closed segment is found when it is read", async () => {
  const disk = new SimulatedDisk();
  const settings = { "internal.segment.bytes": 200 };
  const world = await openWorld(disk);
  const first = await world.open("orders", settings);
  for (const value of [...values, ...values]) await append(first, [value]);
  const before = await readBytes(first, 0);
  await world.directory.close();
  const whole = disk.peek(logPath);
  disk.poke(logPath, flipped(whole, 70));
  const partition = await (await openWorld(disk)).open("orders", settings);
  const each = await readEach(partition);
  expect(each[0]).toBe("CORRUPT_MESSAGE");
  expect(each.slice(1)).toEqual([...values, ...values].slice(1));
  expect(before.length).toBeGreaterThan(whole.length);
});

test("with log.damage.policy=stop a partition with damaged bytes stops", async () => {
  const disk = await killedLog(4);
  disk.poke(logPath, flipped(disk.peek(logPath), 70));
  const settings = { "log.damage.policy": "stop" } as const;
  const partition = await (await openWorld(disk, { settings })).open();
  expect(new Set(await readEach(partition))).toEqual(new Set(["KAFKA_STORAGE_ERROR"]));
  expect(partition.stopped?.code).toBe("KAFKA_STORAGE_ERROR");
});

describe("an interrupted replacement of segments", () => {
  const settings = { "internal.segment.bytes": 100 };
  const first = "orders-0/00000000000000000000";

  async function cleanedDisk(): Promise<{ disk: SimulatedDisk; old: Uint8Array }> {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", settings);
    for (const value of values) await append(partition, [value]);
    await world.directory.close();
    return { disk, old: disk.peek(`${first}.log`) };
  }

  test("is finished from complete copies, though the old ones are gone", async () => {
    const { disk, old } = await cleanedDisk();
    disk.poke(`${first}.log.swap`, old);
    disk.poke(`${first}.index.swap`, new Uint8Array(0));
    disk.poke(`${first}.timeindex.swap`, disk.peek(`${first}.timeindex`));
    for (const suffix of [".log", ".index", ".timeindex"]) {
      await disk.rename(first + suffix, `${first}${suffix}.deleted`);
    }
    const partition = await (await openWorld(disk)).open("orders", settings);
    expect(await readValues(partition)).toEqual(values);
    const names = (await disk.list("orders-0")).map(({ name }) => name);
    expect(names.filter((name) => /swap|deleted/.test(name))).toEqual([]);
  });

  test("is dropped while a copy is not complete: the old segments stand", async () => {
    const { disk, old } = await cleanedDisk();
    disk.poke(`${first}.log.swap`, old.slice(0, 10));
    disk.poke(`${first}.log.cleaned`, old.slice(0, 10));
    const partition = await (await openWorld(disk)).open("orders", settings);
    expect(await readValues(partition)).toEqual(values);
  });
});
