import { expect, test } from "vitest";
import {
  append,
  batchOf,
  openWorld,
  readValues,
  topicId,
} from "../../../../test/support/log-directory.ts";
import { appendHeld, held, openGoverned } from "../../../../test/support/replicas.ts";
import { XylemError } from "../../../base/errors.ts";
import { defaultTopicSettings, type TopicSettings } from "../../../base/settings/topic-settings.ts";
import { type DiskOperation, SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Partition } from "../partition.ts";

const batchBytes = batchOf(["kept 0"]).length;
const fromClient = { origin: "client" } as const;
const logOf = (base: number): string => `orders-0/${String(base).padStart(20, "0")}.log`;

/** An operation of one kind on a log fails, and then no more. */
function failOnce(disk: SimulatedDisk, failing: DiskOperation, onFailed = (): void => {}): void {
  disk.fault = (operation, path) => {
    if (operation !== failing || !path.endsWith(".log")) return;
    disk.fault = () => undefined;
    onFailed();
    throw new XylemError("KAFKA_STORAGE_ERROR", `${path}: i/o error`);
  };
}

async function open(
  settings: Partial<TopicSettings> = {},
): Promise<{ disk: SimulatedDisk; partition: Partition }> {
  const disk = new SimulatedDisk();
  return { disk, partition: await (await openWorld(disk)).open("orders", settings) };
}

/** Two batches that ride in one flush. */
async function loseTwo(partition: Partition): Promise<void> {
  const asked = ["lost 0", "lost 1"].map((value) => append(partition, [value]));
  for (const { status } of await Promise.allSettled(asked)) expect(status).toBe("rejected");
}

/** After all that is under way. */
async function restart(disk: SimulatedDisk): Promise<Partition> {
  await new Promise((resolve) => setImmediate(resolve));
  return await (await openWorld(disk.afterKill())).open();
}

async function expectKept(partition: Partition, count: number): Promise<void> {
  expect(partition.end).toBe(count);
  expect(await append(partition, [`kept ${count}`])).toBe(count);
  const expected = Array.from({ length: count + 1 }, (_, at) => `kept ${at}`);
  expect(await readValues(partition)).toEqual(expected);
}

test("a hole among what a failed flush did not cover goes with it: it is no damage", async () => {
  const { disk, partition } = await open();
  await append(partition, ["kept 0"]);
  failOnce(disk, "sync", () => disk.spoil(logOf(0), batchBytes, new Uint8Array(batchBytes)));
  await loseTwo(partition);
  await expectKept(await restart(disk), 1);
});

test("what is read back as if no flush had failed may be nowhere else: it goes too", async () => {
  const { disk, partition } = await open();
  await append(partition, ["kept 0"]);
  failOnce(disk, "sync");
  await loseTwo(partition);
  await expectKept(await restart(disk), 1);
});

test("a replica that is closed has it written down before another one is opened", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const { replica } = await openGoverned(world);
  await appendHeld(replica, ["kept 0"]);
  replica.commit(1);
  failOnce(disk, "sync", () => {
    const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    disk.fault = (operation) => (operation === "rename" ? soon() : undefined);
  });
  const { lastOffset } = replica.log.append(batchOf(["lost 0"]), { origin: "client" });
  replica.log.append(batchOf(["lost 1"]), { origin: "client" });
  await new Promise((resolve) => replica.log.whenHeld(lastOffset + 1, resolve));
  const topic = { name: "orders", id: topicId };
  const again = await world.directory.reopenReplica(topic, 0, defaultTopicSettings);
  expect([again.end, again.unsoundFrom]).toEqual([1, undefined]);
});

test("a segment of which nothing was flushed begins anew, the closed one stays so", async () => {
  const settings = { "internal.segment.bytes": 2 * batchBytes };
  const { disk, partition } = await open(settings);
  for (const value of ["kept 0", "kept 1"]) await append(partition, [value]);
  failOnce(disk, "sync", () => disk.spoil(logOf(2), 0, new Uint8Array(batchBytes)));
  await loseTwo(partition);
  await expectKept(await restart(disk), 2);
  expect([0, 2].map((base) => disk.peek(logOf(base)).length)).toEqual([2 * batchBytes, batchBytes]);
});

test("nothing stays of a segment that begins behind a gap", async () => {
  const disk = new SimulatedDisk();
  const compacted = { "cleanup.policy": ["compact"] } as const;
  const { replica } = await openGoverned(await openWorld(disk), compacted);
  await appendHeld(replica, ["kept 0"], { key: "a" });
  failOnce(disk, "sync", () => disk.spoil(logOf(9), 0, new Uint8Array(batchBytes)));
  // What its predecessor has compacted away.
  replica.appendReplicated(new Uint8Array(0), 9);
  for (const key of ["b", "c"]) replica.log.append(batchOf(["lost"], { key }), fromClient);
  await expect(held(replica)).rejects.toThrow("i/o error");
  await new Promise((resolve) => setImmediate(resolve));
  const again = await (await openWorld(disk.afterKill())).openReplica(compacted);
  expect([again.end, again.unsoundFrom]).toEqual([9, undefined]);
});

test("what was acknowledged before it was flushed stays, as far as it can be read", async () => {
  const { disk, partition } = await open({ durability: "os" });
  for (const value of ["kept 0", "kept 1"]) await append(partition, [value]);
  failOnce(disk, "sync");
  partition.configure(defaultTopicSettings);
  await expect.poll(() => partition.stopped).toBeDefined();
  await expectKept(await restart(disk), 2);
});

test("what is flushed after the partition has stopped counts for nothing", async () => {
  const { disk, partition } = await open();
  await append(partition, ["kept 0"]);
  let endFlush = (): void => {};
  const flushing = new Promise<void>((resolve) => (endFlush = resolve));
  disk.fault = (operation, path) => {
    if (!path.endsWith(".log")) return undefined;
    if (operation === "append" && partition.end > 2) throw new Error("i/o error");
    return operation === "sync" ? flushing : undefined;
  };
  const flushed = append(partition, ["lost 0"]).catch(() => "lost");
  await expect.poll(() => partition.recoveryPoint).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
  const large = append(partition, ["x".repeat(300_000)]).catch(() => "lost");
  expect(await Promise.all([flushed, large])).toEqual(["lost", "lost"]);
  endFlush();
  await new Promise((resolve) => setImmediate(resolve));
  expect([partition.committed, partition.flushed]).toEqual([1, 1]);
  await expectKept(await restart(disk), 1);
});

test("what was acknowledged to who asked for the page cache only stays too", async () => {
  const { disk, partition } = await open();
  await append(partition, ["kept 0"]);
  failOnce(disk, "sync");
  const { lastOffset } = partition.append(batchOf(["kept 1"]), { origin: "client" });
  await new Promise<void>((resolve, reject) => {
    partition.whenStored(lastOffset + 1, "os", (error) => (error ? reject(error) : resolve()));
  });
  await expect.poll(() => partition.stopped).toBeDefined();
  await expectKept(await restart(disk), 2);
});

test("a disk that is full after a flush has failed lets nothing go on by itself", async () => {
  const disk = new SimulatedDisk();
  const { replica, governor } = await openGoverned(await openWorld(disk), { durability: "os" });
  governor.alone = false;
  await appendHeld(replica, ["kept 0"]);
  const [flush, write] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  disk.fault = (operation, path) => {
    if (!path.endsWith(".log")) return undefined;
    return operation === "sync" ? flush.promise : write.promise;
  };
  replica.log.whenStored(1, "fsync", () => undefined);
  replica.log.append(batchOf(["lost 0"]), fromClient);
  await new Promise((resolve) => setImmediate(resolve));
  flush.reject(new Error("i/o error"));
  await expect.poll(() => replica.log.stopped).toBeDefined();
  write.reject(new XylemError("DISK_FULL", "no room"));
  await new Promise((resolve) => setImmediate(resolve));
  expect([replica.fullInEpoch, replica.end]).toEqual([undefined, 2]);
});
