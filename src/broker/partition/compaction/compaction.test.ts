import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openWorld, runPass, topicId } from "../../../../test/support/log-directory.ts";
import {
  type KeyedRecord,
  KeyedHistory,
  type KeyedWrite,
  keyedWrites,
  readKeyed,
} from "../../../../test/support/keyed-history.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { copyPartition } from "../copies/copy-partition.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const settings = {
  "cleanup.policy": ["compact"],
  "internal.segment.bytes": 600,
  "delete.retention.ms": 1_000,
  "min.cleanable.dirty.ratio": 0,
} as const;

/** What a map of the keys holds that was built from these records. */
function toMap(records: readonly KeyedRecord[]): Map<string, KeyedRecord> {
  const map = new Map<string, KeyedRecord>();
  for (const record of records) {
    if (record.value === null) map.delete(record.key);
    else map.set(record.key, record);
  }
  return map;
}

/** Every record that is left is one that was written, where it was written. */
function expectFaithful(found: readonly KeyedRecord[], history: KeyedHistory): void {
  const written = new Map(history.records.map((record) => [record.offset, record]));
  for (const record of found) expect(record).toEqual(written.get(record.offset));
  expect(toMap(found)).toEqual(toMap(history.records));
}

function countBelow(found: readonly KeyedRecord[], endOffset: number): number[] {
  const counts = new Map<string, number>();
  for (const { key, offset } of found) {
    if (offset < endOffset) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts.values()];
}

const busyHistory: KeyedWrite[] = Array.from({ length: 26 }, (_, index) => ({
  keys: [index % 4, (index * 7) % 5, index % 3],
  isTombstone: index % 9 === 4,
  ends: index % 5 === 1 ? "abort" : index % 5 === 3 ? "commit" : "plain",
  codec: index % 6 === 0 ? "gzip" : "none",
}));

describe("a compacted log", () => {
  test("holds the last record of every key, at its offset", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(keyedWrites, { minLength: 1, maxLength: 3 }), async (rounds) => {
        const disk = new SimulatedDisk();
        let world = await openWorld(disk);
        let partition = await world.open("orders", settings);
        const history = new KeyedHistory();
        for (const writes of rounds) {
          for (const write of writes) await history.write(partition, write);
          const report = await runPass(partition, world.clock);
          const found = await readKeyed(partition);
          expectFaithful(found, history);
          const endOffset = report?.endOffset ?? 0;
          expect(countBelow(found, endOffset).every((count) => count === 1)).toBe(true);
          const { end } = partition;
          await world.directory.close();
          world = await openWorld(disk, { clock: world.clock });
          partition = await world.open("orders", settings);
          expect(partition.end).toBe(end);
          expect(await readKeyed(partition)).toEqual(found);
          await world.clock.advance(1_000);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("can be copied at any moment of a pass", async () => {
    for (let moment = 1; moment < 120; moment += 7) {
      const disk = new SimulatedDisk();
      const world = await openWorld(disk);
      const partition = await world.open("orders", settings);
      const history = new KeyedHistory();
      for (const write of busyHistory) await history.write(partition, write);
      let copying: Promise<unknown> = Promise.resolve();
      let count = 0;
      disk.fault = () => {
        count += 1;
        if (count !== moment) return;
        const target = { disk, folder: "copy-0", topicId };
        copying = copyPartition(partition.copySource(partition.committed), target);
      };
      await runPass(partition, world.clock);
      await copying;
      await world.directory.close();
      const after = await openWorld(disk.afterKill());
      expectFaithful(await readKeyed(await after.open("copy", settings)), history);
    }
  });

  test("is whole after a power cut at any moment of a pass", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", settings);
    const history = new KeyedHistory();
    for (const write of busyHistory) await history.write(partition, write);
    const { end } = partition;
    const survivors: SimulatedDisk[] = [];
    const random = new SeededRandom(7);
    const changes = new Set(["append", "sync", "rename", "remove", "syncDirectory", "truncate"]);
    disk.fault = (operation) => {
      if (changes.has(operation)) survivors.push(disk.afterPowerCut(random));
    };
    const report = await runPass(partition, world.clock);
    disk.fault = () => undefined;
    expect(report?.bytesWritten).toBeLessThan((report?.bytesRead ?? 0) / 2);
    expect(survivors.length).toBeGreaterThan(20);
    for (const survivor of survivors) {
      const after = await openWorld(survivor);
      const reopened = await after.open("orders", settings);
      expect([reopened.logStart, reopened.end]).toEqual([0, end]);
      expectFaithful(await readKeyed(reopened), history);
      await runPass(reopened, after.clock);
      expectFaithful(await readKeyed(reopened), history);
      const left = survivor.paths().filter((path) => /\.(swap|cleaned)$/.test(path));
      expect(left).toEqual([]);
      await after.directory.close();
    }
  });
});
