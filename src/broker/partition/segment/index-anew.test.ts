import { expect, test } from "vitest";
import { append, openWorld, readRecords } from "../../../../test/support/log-directory.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { reindexPartition } from "../copies/reindex-partition.ts";

const settings = { "segment.records": 2 };

test.each(["a reader", "a command"])("indexes that are gone are written by %s", async (by) => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const log = await world.open("orders", settings);
  for (const value of ["a", "b", "c", "d", "e"]) await append(log, [value]);
  await world.directory.close();
  const all = indexesOn(disk);
  const ofClosed = all.filter((path) => /[02]\.\w+$/.test(path));
  expect(ofClosed).toHaveLength(4);
  for (const path of ofClosed) disk.drop(path);
  const again = await openWorld(disk);
  const reopened = await again.open("orders", settings);
  if (by === "a reader") await readRecords(reopened, 0);
  else await reindexPartition(reopened, { aborted: false });
  await again.directory.close();
  expect(indexesOn(disk)).toEqual(expect.arrayContaining(all));
});

function indexesOn(disk: SimulatedDisk): string[] {
  return disk.paths().filter((path) => path.endsWith("index"));
}
