import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { LogFile } from "./log-file.ts";
import { OpenFiles } from "./open-files.ts";

test("whoever retires a file that is read is told when its last reader is done", async () => {
  const disk = new SimulatedDisk();
  const file = new LogFile(disk, "00000000000000000000.log", new OpenFiles(4));
  await file.create();
  const reading = Promise.withResolvers<void>();
  const read = file.use(() => reading.promise);
  const told: string[] = [];
  const retired = ["retention", "a close"].map(async (who) => {
    await file.retire();
    told.push(who);
  });
  await Promise.resolve();
  expect(told).toEqual([]);
  reading.resolve();
  await Promise.all([read, ...retired]);
  expect(told.sort()).toEqual(["a close", "retention"]);
  await file.retire();
  expect(() => file.use(() => undefined)).toThrow("was removed");
});
