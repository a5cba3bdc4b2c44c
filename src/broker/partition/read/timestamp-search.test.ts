import fc from "fast-check";
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, batchOf, openWorld } from "../../../../test/support/log-directory.ts";
import { writeInt32 } from "../../../base/bytes.ts";
import { timeEntryBytes } from "../../../log/time-index.ts";
import { buildBatch } from "../../../protocol/build-batch.ts";
import { batchFields } from "../../../protocol/record-batch.ts";
import { tools } from "../../../../test/support/log-directory.ts";

const small = { "internal.segment.bytes": 300, "index.interval.bytes": 50 };

test("the first record at or after a time is found in any order of times", async () => {
  const batches = fc.array(
    fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 4 }),
    {
      minLength: 1,
      maxLength: 20,
    },
  );
  const check = fc.asyncProperty(batches, fc.integer({ min: 0, max: 55 }), async (sent, wanted) => {
    const partition = await (await openWorld(new SimulatedDisk())).open("orders", small);
    for (const [index, times] of sent.entries()) {
      const records = times.map((timestampMs) => ({ key: null, value: null, timestampMs }));
      const codec = index % 2 === 0 ? "none" : "gzip";
      partition.append(buildBatch(records, { codec }, tools), { origin: "client" });
    }
    await new Promise<void>((resolve) => partition.whenCommitted(partition.end, () => resolve()));
    const all = sent.flat();
    const offset = all.findIndex((timestampMs) => timestampMs >= wanted);
    const expected = offset < 0 ? undefined : { offset, timestampMs: all[offset], leaderEpoch: 0 };
    expect(await partition.findByTimestamp(wanted, partition.end)).toEqual(expected);
    const largest = Math.max(...all);
    const first = { offset: all.indexOf(largest), timestampMs: largest, leaderEpoch: 0 };
    expect(await partition.findMaxTimestamp()).toEqual(first);
  });
  await fc.assert(check, { numRuns: 60 });
});

test("records below the log start, past the upper bound, or untimed do not count", async () => {
  const partition = await (await openWorld(new SimulatedDisk())).open();
  await append(partition, ["a"], { timestampMs: 10 });
  await append(partition, ["b"], { timestampMs: 20 });
  await append(partition, ["c"], { timestampMs: 30 });
  await partition.deleteRecordsBefore(1);
  expect((await partition.findByTimestamp(5, 3))?.offset).toBe(1);
  expect(await partition.findByTimestamp(25, 2)).toBeUndefined();
  const untimed = await (await openWorld(new SimulatedDisk())).open();
  expect(await untimed.findMaxTimestamp()).toBeUndefined();
  untimed.append(batchOf(["a"], { timestampMs: -1 }), { origin: "client" });
  expect(await untimed.findByTimestamp(0, 1)).toBeUndefined();
});

test("a stored batch whose records can not be opened counts whole, hides no other", async () => {
  const partition = await (await openWorld(new SimulatedDisk())).open();
  await append(partition, ["a"], { timestampMs: 10 });
  // Compressed batches are stored as they come: only their head was judged.
  const spoiled = batchOf(["b"], { timestampMs: 20, codec: "gzip" });
  spoiled.fill(0xff, batchFields.records);
  writeInt32(spoiled, batchFields.crc, tools.crc32c(spoiled.subarray(batchFields.attributes)));
  partition.append(spoiled, { origin: "client" });
  await append(partition, ["c"], { timestampMs: 30 });
  const find = async (timestampMs: number): Promise<number | undefined> =>
    (await partition.findByTimestamp(timestampMs, 3))?.offset;
  expect([await find(5), await find(15), await find(25)]).toEqual([0, 1, 2]);
  expect(await partition.findMaxTimestamp()).toMatchObject({ offset: 2, timestampMs: 30 });
});

test.each([1, 4_096])(
  "a cut time index hides no record, with an entry per %d bytes",
  async (bytes) => {
    const configs = { "segment.records": 4, "index.interval.bytes": bytes };
    for (const entries of [0, 1, 2]) {
      const disk = new SimulatedDisk();
      const world = await openWorld(disk);
      const partition = await world.open("orders", configs);
      for (let time = 0; time < 12; time += 1)
        await append(partition, ["x"], { timestampMs: time });
      await world.directory.close();
      const path = "orders-0/00000000000000000004.timeindex";
      disk.poke(path, disk.peek(path).slice(0, entries * timeEntryBytes));
      const cut = await (await openWorld(disk)).open("orders", configs);
      for (let time = 0; time < 12; time += 1) {
        expect((await cut.findByTimestamp(time, 12))?.offset).toBe(time);
      }
    }
  },
);
