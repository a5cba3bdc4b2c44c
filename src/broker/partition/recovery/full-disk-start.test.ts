import { expect, test } from "vitest";
import { append, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const settings = { "segment.records": 2 };
const takingSpace = new Set(["append", "open", "makeDirectory", "rename"]);

test("closed segments without whole indexes are read after a kill on a full disk", async () => {
  const disk = new SimulatedDisk();
  const before = await openWorld(disk);
  const partition = await before.open("orders", settings);
  const values = ["a", "b", "c", "d", "e"];
  for (const value of values) await append(partition, [value]);
  const killed = disk.afterKill();
  for (const base of ["0", "2"]) {
    await killed.remove(`orders-0/${base.padStart(20, "0")}.timeindex`);
  }
  const world = await openWorld(killed);
  let isFull = true;
  killed.fault = (operation, path) => {
    const isThere = operation === "open" && path.endsWith(".log");
    if (isFull && !isThere && takingSpace.has(operation))
      throw new XylemError("DISK_FULL", "it is full");
    return undefined;
  };
  const full = await world.open("orders", settings);
  expect(await readValues(full)).toEqual(values);
  expect(full.recoveryPoint).toBe(0);
  isFull = false;
  await append(full, ["f"]);
  await append(full, ["g"]);
  await world.directory.close();
  const again = await openWorld(killed);
  expect(await readValues(await again.open("orders", settings))).toEqual([...values, "f", "g"]);
});
