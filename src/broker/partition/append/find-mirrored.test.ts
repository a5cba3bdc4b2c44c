import { describe, expect, test } from "vitest";
import {
  append,
  batchOf,
  committed,
  memoryDisk,
  openWorld,
  readBytes,
  readRecords,
  tools,
} from "../../../../test/support/log-directory.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { XylemError } from "../../../base/errors.ts";
import { buildBatch } from "../../../protocol/build-batch.ts";
import { recordBatches } from "../../../protocol/record-batch.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { PartitionLog } from "../partition-log.ts";

const full = new XylemError("DISK_FULL", "the disk is full");

/** Appends batches of another log and waits until they are committed. */
async function mirror(log: PartitionLog, bytes: Uint8Array, expectedEnd: number): Promise<void> {
  const { lastOffset } = log.append(bytes, { origin: "mirror", expectedEnd });
  await committed(log, lastOffset + 1);
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof XylemError ? error.code : String(error);
  }
}

async function offsetsOf(log: PartitionLog): Promise<number[]> {
  return (await readRecords(log, log.logStart)).map(({ offset }) => offset);
}

describe("batches of another log", () => {
  test("keep their offsets and times, and get the epoch of this log", async () => {
    const world = await openWorld(memoryDisk());
    const log = await world.open("orders", { "message.timestamp.type": "LogAppendTime" });
    await append(log, ["mine"]);
    const first = batchOf(["a", "b"], { baseOffset: 1, leaderEpoch: 9 });
    const second = batchOf(["c"], { baseOffset: 3, leaderEpoch: 9, codec: "zstd" });
    await mirror(log, joinBytes([first, second]), 1);
    const stored = [...recordBatches(await readBytes(log, 1))];
    expect(
      stored.map(({ baseOffset, partitionLeaderEpoch }) => [baseOffset, partitionLeaderEpoch]),
    ).toEqual([
      [1, 0],
      [3, 0],
    ]);
    const records = await readRecords(log, 1);
    expect(records.map(({ timestampMs }) => timestampMs)).toEqual(Array(3).fill(1_767_225_600_000));
  });

  test("are taken at the end that their sender expects, and only there", async () => {
    const world = await openWorld(memoryDisk());
    const log = await world.open();
    const batch = (): Uint8Array => batchOf(["a"], { baseOffset: 0 });
    await mirror(log, batch(), 0);
    const again = (): unknown => log.append(batch(), { origin: "mirror", expectedEnd: 0 });
    expect(codeOf(again)).toBe("OFFSET_MISMATCH");
    const late = batchOf(["b"], { baseOffset: 0 });
    expect(codeOf(() => log.append(late, { origin: "mirror", expectedEnd: 1 }))).toBe(
      "OFFSET_MISMATCH",
    );
    expect(log.end).toBe(1);
  });

  test("may leave out offsets in a compacted topic, and in no other", async () => {
    const world = await openWorld(memoryDisk());
    const dense = await world.open();
    const far = (): Uint8Array => batchOf(["a"], { baseOffset: 5, key: "k" });
    expect(codeOf(() => dense.append(far(), { origin: "mirror", expectedEnd: 0 }))).toBe(
      "OFFSET_MISMATCH",
    );
    const compacted = await world.open("other", { "cleanup.policy": ["compact"] });
    await mirror(compacted, far(), 0);
    await append(compacted, ["b"], { key: "k" });
    expect(await offsetsOf(compacted)).toEqual([5, 6]);
  });

  test("behind a gap, and nothing behind them, are there after a kill", async () => {
    const disk = new SimulatedDisk();
    const compacted = { "cleanup.policy": ["compact"] } as const;
    const log = await (await openWorld(disk)).open("orders", compacted);
    await mirror(log, batchOf(["a"], { baseOffset: 5, key: "k" }), 0);
    const again = await (await openWorld(disk.afterKill())).open("orders", compacted);
    expect([again.logStart, again.end]).toEqual([0, 6]);
    expect(await offsetsOf(again)).toEqual([5]);
  });

  test("behind gaps that no segment spans are there after a kill", async () => {
    const disk = new SimulatedDisk();
    const compacted = { "cleanup.policy": ["compact"] } as const;
    const log = await (await openWorld(disk)).open("orders", compacted);
    const bases = [3e9, 3e9 + 1, 7e9, 7e9 + 2, 12e9];
    const batches = bases.map((base) => batchOf(["a"], { baseOffset: base, key: `${base}` }));
    await mirror(log, joinBytes(batches.slice(0, 4)), 0);
    await mirror(log, batches[4] as Uint8Array, 7e9 + 3);
    const again = await (await openWorld(disk.afterKill())).open("orders", compacted);
    expect([again.end, await offsetsOf(again)]).toEqual([12e9 + 1, bases]);
  });

  test("behind gaps wait for room, wherever it ends, and what is appended stays", async () => {
    const settings = { "cleanup.policy": ["compact"], "internal.segment.bytes": 250 } as const;
    const bases = [1, 3, 4, 7, 9, 12, 15, 16, 20];
    const from = (end: number): Uint8Array =>
      joinBytes(
        bases
          .filter((base) => base >= end)
          .map((base) => batchOf(["v".repeat(base)], { baseOffset: base, key: `${base}` })),
      );
    let hasFailed = true;
    for (let at = 1; hasFailed; at += 1) {
      hasFailed = false;
      const disk = new SimulatedDisk();
      const log = await (await openWorld(disk)).open("orders", settings);
      let count = 0;
      disk.fault = (operation) => {
        if (operation !== "append" && operation !== "open") return;
        count += 1;
        if (count !== at) return;
        hasFailed = true;
        throw full;
      };
      const attempt = (end: number): Promise<unknown> =>
        mirror(log, from(end), end).catch((error: unknown) => error);
      const refusals = [await attempt(0)];
      const own = at % 2 === 0 || log.end > 20 ? [] : [await append(log, ["own"], { key: "own" })];
      while (log.end <= 20 && refusals.length < 3) refusals.push(await attempt(log.end));
      expect(new Set([full, undefined, ...refusals])).toEqual(new Set([full, undefined]));
      expect([log.stopped, log.end]).toEqual([undefined, 21]);
      const there = await offsetsOf(log);
      expect(there).toEqual([...new Set([...bases, ...own])].sort((one, other) => one - other));
      const again = await (await openWorld(disk.afterKill())).open("orders", settings);
      expect([again.end, await offsetsOf(again)]).toEqual([21, there]);
    }
  });

  test("without records use their offsets up, here and after a restart", async () => {
    const disk = memoryDisk();
    const world = await openWorld(disk);
    const log = await world.open();
    const empty = (baseOffset: number, lastOffsetDelta: number): Uint8Array =>
      buildBatch([], { baseOffset, lastOffsetDelta }, tools);
    await mirror(log, joinBytes([empty(0, 999), batchOf(["a"], { baseOffset: 1_000 })]), 0);
    await mirror(log, empty(1_001, 1), 1_001);
    await log.deleteRecordsBefore(1_000);
    expect([log.logStart, log.end]).toEqual([1_000, 1_003]);
    await world.directory.close();
    const again = await (await openWorld(disk)).open();
    expect([again.logStart, again.end]).toEqual([1_000, 1_003]);
    expect(await offsetsOf(again)).toEqual([1_000]);
    expect(await append(again, ["b"])).toBe(1_003);
  });

  test("must not be a producer's: its id is another one's here", async () => {
    const world = await openWorld(memoryDisk());
    const log = await world.open();
    const refused = [
      batchOf(["a"], { producerId: 4, producerEpoch: 0, baseSequence: 0 }),
      batchOf(["a"], { isTransactional: true }),
      batchOf(["a"], { isControl: true }),
      batchOf(["a", "b"], { lastOffsetDelta: 0 }),
    ];
    for (const batch of refused) {
      const use = (): unknown => log.append(batch, { origin: "mirror", expectedEnd: 0 });
      expect(codeOf(use)).toBe("INVALID_RECORD");
    }
    const none = new Uint8Array();
    expect(codeOf(() => log.append(none, { origin: "mirror", expectedEnd: 0 }))).toBe(
      "INVALID_RECORD",
    );
    expect(log.end).toBe(0);
  });

  test("are taken all or none: a wrong sum in the last keeps the first out", async () => {
    const world = await openWorld(memoryDisk());
    const log = await world.open();
    const bad = batchOf(["b"], { baseOffset: 1 });
    bad[bad.length - 1] = (bad.at(-1) as number) ^ 1;
    const bytes = joinBytes([batchOf(["a"]), bad]);
    expect(codeOf(() => log.append(bytes, { origin: "mirror", expectedEnd: 0 }))).toBe(
      "CORRUPT_MESSAGE",
    );
    expect(log.end).toBe(0);
  });
});
