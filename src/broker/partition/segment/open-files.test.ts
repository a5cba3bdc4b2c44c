import { expect, test } from "vitest";
import { append, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Partition } from "../partition.ts";

const countMax = 4;

/** Counts the logs that are open. */
function countLogs(disk: SimulatedDisk): () => number {
  let count = 0;
  disk.late = (operation, path) => {
    if (!path.endsWith(".log")) return;
    if (operation === "open") count += 1;
    if (operation === "close") count -= 1;
  };
  return () => count;
}

test.each(["os", "fsync"] as const)(
  "partitions with durability=%s that were written to hold no more files than they may",
  async (durability) => {
    const disk = new SimulatedDisk();
    const settings = { "log.open.files.max": countMax, "log.tail.cache.max.bytes": 0 };
    const world = await openWorld(disk, { settings });
    const openCount = countLogs(disk);
    const partitions: Partition[] = [];
    for (let index = 0; index < 40; index += 1) {
      const partition = await world.open(`topic-${index}`, { durability });
      await append(partition, [`value ${index}`]);
      partitions.push(partition);
    }
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(openCount()).toBeLessThanOrEqual(countMax);
    for (const [index, partition] of partitions.entries()) {
      expect(await readValues(partition)).toEqual([`value ${index}`]);
      await append(partition, ["more"]);
    }
    expect(partitions.every(({ stopped }) => stopped === undefined)).toBe(true);
  },
);
