import { expect, test } from "vitest";
import { batchOf, openWorld } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { AppendBacklog } from "./append-backlog.ts";
import type { Partition } from "../partition.ts";

const batch = (): Uint8Array => batchOf(["x".repeat(1_000_000)]);
const append = (partition: Partition): void => {
  partition.append(batch(), { origin: "client" });
};

test("what all partitions have not written is bounded: all producers wait", async () => {
  const disk = new SimulatedDisk();
  const settings = { "log.append.pending.total.max.bytes": 2_500_000 };
  const world = await openWorld(disk, { settings });
  const [first, second] = [await world.open("first"), await world.open("second")];
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  disk.fault = (operation) => (operation === "append" ? gate : undefined);
  append(first);
  append(first);
  expect(second.writable()).toBeUndefined();
  append(second);
  expect(first.writable()).toBeDefined();
  const waiting = second.writable();
  expect(waiting).toBeDefined();
  open();
  await waiting;
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(first.writable()).toBeUndefined();
  await world.directory.close();
});

test("what a full disk refuses is given back", async () => {
  const disk = new SimulatedDisk();
  const settings = { "log.append.pending.total.max.bytes": 1_048_576 };
  const world = await openWorld(disk, { settings });
  const partition = await world.open();
  disk.fault = (operation) => {
    if (operation === "append") throw new XylemError("DISK_FULL", "no space left");
  };
  append(partition);
  append(partition);
  expect(partition.writable()).toBeDefined();
  await partition.writable();
  expect(partition.end).toBe(0);
});

test("what was being written as a flush failed is given back once", async () => {
  const disk = new SimulatedDisk();
  const settings = { "log.append.pending.total.max.bytes": 2_500_000 };
  const world = await openWorld(disk, { settings });
  const first = await world.open("first", { durability: "os" });
  const second = await world.open("second");
  append(first);
  await new Promise<void>((resolve) => first.whenHeld(1, () => resolve()));
  const [flush, write] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  disk.fault = (operation, path) => {
    if (!path.endsWith(".log")) return undefined;
    if (operation === "sync") return flush.promise;
    return operation === "append" ? write.promise : undefined;
  };
  first.whenStored(1, "fsync", () => undefined);
  append(first);
  await new Promise((resolve) => setImmediate(resolve));
  flush.reject(new Error("i/o error"));
  await expect.poll(() => first.stopped).toBeDefined();
  write.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  disk.fault = (operation) => (operation === "append" ? new Promise(() => {}) : undefined);
  for (let count = 0; count < 3; count += 1) append(second);
  expect(second.writable()).toBeDefined();
});

test("one wait serves all who ask while it lasts", async () => {
  const backlog = new AppendBacklog(10);
  backlog.change(12);
  expect(backlog.whenRoom()).toBe(backlog.whenRoom());
  const waiting = backlog.whenRoom();
  backlog.change(-2);
  expect(backlog.whenRoom()).toBe(waiting);
  backlog.change(-1);
  await waiting;
  expect(backlog.whenRoom()).toBeUndefined();
  expect(backlog.bytes).toBe(9);
});
