import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { defaultTopicSettings } from "../../base/settings/topic-settings.ts";
import { append, openWorld, readValues, tools } from "../../../test/support/log-directory.ts";
import { encodeUtf8 } from "../../base/text.ts";
import { buildBatch } from "../../protocol/build-batch.ts";
import type { Partition } from "./partition.ts";

const exact = { "retention.exact": true, "retention.ms": 100 };
const startMs = 1_767_225_600_000;

/** One batch with a record for each time after the start; it has the offset as its value. */
async function appendAt(partition: Partition, times: readonly number[]): Promise<void> {
  const records = times.map((ms, at) => ({
    key: null,
    value: encodeUtf8(String(partition.end + at)),
    timestampMs: startMs + ms,
  }));
  const { lastOffset } = partition.append(buildBatch(records, {}, tools), { origin: "client" });
  await new Promise((resolve) => partition.whenCommitted(lastOffset + 1, resolve));
}

describe("retention.exact", () => {
  test("moves the log start to the first record young enough, inside a batch too", async () => {
    const disk = new SimulatedDisk();
    const partition = await (await openWorld(disk)).open("orders", exact);
    await appendAt(partition, [0, 10, 20, 30]);
    await appendAt(partition, [40]);
    await partition.applyRetention(startMs + 100);
    expect(partition.logStart).toBe(0);
    await partition.applyRetention(startMs + 111);
    expect(partition.logStart).toBe(2);
    expect(await readValues(partition, 2)).toEqual(["2", "3", "4"]);
    const next = await (await openWorld(disk.afterKill())).open("orders", exact);
    expect(next.logStart).toBe(2);
    await next.applyRetention(startMs + 10_000);
    expect([next.logStart, next.end, next.sizeBytes]).toEqual([5, 5, 0]);
    await appendAt(next, [10_000]);
    expect(await readValues(next, 5)).toEqual(["5"]);
  });

  test("from milliseconds to years, and without a bound nothing goes", async () => {
    const world = await openWorld(new SimulatedDisk());
    const yearMs = 365 * 86_400_000;
    const settings = { ...exact, "message.timestamp.before.max.ms": Infinity };
    const partition = await world.open("orders", settings);
    await appendAt(partition, [-10 * yearMs, -5 * yearMs, -2, -1, 0]);
    const startAfter = async (retentionMs: number): Promise<number> => {
      partition.configure({ ...defaultTopicSettings, ...settings, "retention.ms": retentionMs });
      await partition.applyRetention(startMs);
      return partition.logStart;
    };
    expect(await startAfter(-1)).toBe(0);
    expect(await startAfter(100 * yearMs)).toBe(0);
    expect(await startAfter(9 * yearMs)).toBe(1);
    expect(await startAfter(2)).toBe(2);
    expect(await startAfter(1)).toBe(3);
    expect(await startAfter(0)).toBe(4);
  });

  test("without it age takes whole segments only", async () => {
    const world = await openWorld(new SimulatedDisk());
    const partition = await world.open("orders", { ...exact, "retention.exact": false });
    await appendAt(partition, [0, 10, 20, 30]);
    await partition.applyRetention(startMs + 120);
    expect(partition.logStart).toBe(0);
  });

  test("a record of tomorrow keeps what came after it, not what came before", async () => {
    const world = await openWorld(new SimulatedDisk());
    const partition = await world.open("orders", exact);
    await appendAt(partition, [0, 5_000, 10, 20]);
    await partition.applyRetention(startMs + 1_000);
    expect(partition.logStart).toBe(1);
  });

  test("keeps exactly the records from the first young one on, whatever their times", async () => {
    const times = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 6 });
    const batches = fc.array(times, { minLength: 1, maxLength: 12 });
    const nows = fc.array(fc.integer({ min: 0, max: 1_300 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(batches, nows, async (all, looks) => {
        const world = await openWorld(new SimulatedDisk());
        const settings = { ...exact, "internal.segment.bytes": 300 };
        const partition = await world.open("orders", settings);
        for (const batch of all) await appendAt(partition, batch);
        const flat = all.flat();
        let expected = 0;
        for (const now of looks) {
          await partition.applyRetention(startMs + now);
          const young = flat.findIndex((ms, at) => at >= expected && now - ms <= 100);
          expected = young < 0 ? flat.length : young;
          expect(partition.logStart).toBe(expected);
          expect(await readValues(partition, expected)).toEqual(
            flat.map((_, offset) => String(offset)).slice(expected),
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  test("where damage hides the times, whole segments go by age and the rest stays", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const settings = { ...exact, "segment.records": 2 };
    const partition = await world.open("orders", settings);
    for (let at = 0; at < 6; at += 1) {
      await append(partition, [String(at)], { timestampMs: startMs + at * 10 });
    }
    await world.directory.close();
    const path = "orders-0/00000000000000000002.log";
    disk.spoil(path, 65, Uint8Array.of(0xaa, 0x55));
    const next = await (await openWorld(disk)).open("orders", settings);
    await next.applyRetention(startMs + 125);
    expect(next.logStart).toBe(2);
  });
});
