import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { defaultTopicSettings } from "../../../base/settings/topic-settings.ts";
import { encodeUtf8 } from "../../../base/text.ts";

const logPath = "orders-0/00000000000000000000.log";
const ioError = new XylemError("KAFKA_STORAGE_ERROR", "reading: i/o error");

/** One acknowledged record and a torn one behind it, as a killed process leaves them. */
async function tornLog(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const partition = await (await openWorld(disk)).open();
  await append(partition, ["kept"]);
  const whole = disk.peek(logPath).length;
  await append(partition, ["torn"]);
  const left = disk.afterKill();
  left.poke(logPath, left.peek(logPath).slice(0, whole + 20));
  return left;
}

test("a start given up before a log was checked does not vouch for it", async () => {
  const disk = await tornLog();
  await (await openWorld(disk)).directory.close();
  const failing = await openWorld(disk);
  disk.fault = (operation) => {
    if (operation === "read") throw ioError;
  };
  await expect(failing.open()).rejects.toThrow("i/o error");
  disk.fault = () => undefined;
  await failing.directory.close();
  const world = await openWorld(disk);
  expect(world.directory.wasClean).toBe(false);
  const partition = await world.open();
  expect([await readValues(partition), partition.end]).toEqual([["kept"], 1]);
  await world.directory.close();
  expect((await openWorld(disk)).directory.wasClean).toBe(true);
});

test("KRaft's own log, which is never opened, keeps no stop from being a clean one", async () => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("__cluster_metadata-0");
  await (await openWorld(disk)).directory.close();
  expect((await openWorld(disk)).directory.wasClean).toBe(true);
});

test("checkpoints of a topic that was put aside do not touch the one in its place", async () => {
  const disk = await tornLog();
  disk.poke("recovery-point-offset-checkpoint", encodeUtf8("0\n1\norders 0 1000\n"));
  disk.poke("log-start-offset-checkpoint", encodeUtf8("0\n1\norders 0 500\n"));
  const other = { name: "orders", id: new Uint8Array(16).fill(9) };
  const { directory } = await openWorld(disk);
  const opened = await directory.openPartition(other, 0, defaultTopicSettings);
  await append(opened, ["acknowledged"]);
  const { directory: next } = await openWorld(disk.afterKill());
  const partition = await next.openPartition(other, 0, defaultTopicSettings);
  expect([partition.logStart, partition.end]).toEqual([0, 1]);
  expect(await readValues(partition)).toEqual(["acknowledged"]);
});

test("when all segments are gone, flushed offsets are not given out again", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const first = await world.open();
  for (const value of ["a", "b", "c"]) await append(first, [value]);
  await world.directory.close();
  await disk.remove(logPath);
  const partition = await (await openWorld(disk)).open();
  expect([partition.logStart, partition.end]).toEqual([3, 3]);
  expect(await append(partition, ["d"])).toBe(3);
});
