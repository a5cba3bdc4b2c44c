import { afterEach, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { formatUuid } from "../../../base/uuid.ts";
import { chainKey } from "../../../replication/chain-config.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import { MemoryDisk } from "../../../storage/memory-disk.ts";
import { Cancellation } from "../../ports/compactor.ts";
import type { Disk } from "../../ports/disk.ts";
import type { ScrubReport } from "../../scrub/scrubbing.ts";
import type { PartitionLog } from "../../partition/partition-log.ts";
import type { PlacedPartition } from "./placed-partition.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];
/** Four records of one batch each: a segment. */
const segment = "00000000000000000004.log";

async function open(
  replicas: number,
  own: Partial<NodeSettings> = {},
  more: readonly [string, string][] = [],
): Promise<void> {
  world = new ClusterWorld(3);
  for (const id of all) await world.start(id, own);
  const configs = new Map([["segment.records", "4"], ...more]);
  await world.create(1, "orders", { replicas, configs });
  await world.driveUntil("there is a head", () => headId() > 0);
  for (let value = 0; value < 14; value += 1) await send(`${value}`);
}

const partitionAt = (id: number): PlacedPartition =>
  world.node(id).topic("orders")?.partitions[0] as PlacedPartition;

const headId = (): number => all.find((id) => partitionAt(id).absence === undefined) ?? -1;

function membersAt(id: number): number[] {
  const node = world.node(id);
  const key = chainKey(formatUuid(node.topic("orders")?.id ?? new Uint8Array(16)), 0);
  const chain = node.cluster.image.chains.get(key);
  return chain?.config.members.map((member) => member.id) ?? [];
}

async function send(value: string, timeoutMs = 5_000): Promise<void> {
  const batch = await world.send(headId(), "orders", batchOf([value]), { timeoutMs });
  expect(batch.error).toBeUndefined();
}

/** Of the second of the four batches: its last byte. */
async function flipBit(disk: Disk, name = segment): Promise<void> {
  const path = `orders-0/${name}`;
  const bytes = ((await disk.readFile(path)) ?? new Uint8Array()).slice();
  const at = bytes.length / 2 - 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  const file = await disk.open(path, { create: false });
  await file.truncate(0);
  await file.append([bytes]);
  await file.close();
}

function scrub({ broker }: ClusterNode): Promise<ScrubReport> {
  const watch = { cancellation: new Cancellation(), progress: () => undefined };
  return world.drive(broker.scrubbing.run("orders", watch));
}

async function filesOf({ disk }: ClusterNode): Promise<readonly [string, Uint8Array][]> {
  const names = (await disk.list("orders-0")).map(({ name }) => name);
  const logs = names.filter((name) => name.includes(".log")).sort();
  const reading = logs.map(async (name): Promise<[string, Uint8Array]> => {
    return [name, ((await disk.readFile(`orders-0/${name}`)) ?? new Uint8Array()).slice()];
  });
  return await Promise.all(reading);
}

async function expectAllEqual(): Promise<void> {
  await world.driveUntil("all have it", () =>
    all.every((id) => partitionAt(id).placement.log?.end === 15),
  );
  const expected = await filesOf(world.node(headId()));
  for (const id of all) {
    expect(await filesOf(world.node(id)), `node ${id}`).toEqual(expected);
    const { findings, totals } = await scrub(world.node(id));
    expect([findings, totals.records]).toEqual([[], 15]);
  }
}

/** Flushes of the topic's logs fail while `isFailing`. */
class FailingFlushes {
  isFailing = false;

  on(disk: Disk): Disk {
    const open: Disk["open"] = async (path, options) => {
      const file = await disk.open(path, options);
      if (!path.startsWith("orders-0/") || !path.endsWith(".log")) return file;
      const sync = async (): Promise<void> => {
        if (this.isFailing) throw new XylemError("KAFKA_STORAGE_ERROR", "the disk fails");
        await file.sync();
      };
      return withOwn(file, { sync });
    };
    return withOwn(disk, { open });
  }
}

function withOwn<T extends object>(from: T, own: Partial<T>): T {
  return new Proxy(from, {
    get: (_, name) => {
      const found = Reflect.get(name in own ? own : from, name, from) as unknown;
      return typeof found === "function" ? (found.bind(from) as unknown) : found;
    },
  });
}

/** Damages the one at a place in the chain, has it found, and waits until the chain is whole. */
async function damage(place: number): Promise<ClusterNode> {
  const [head = 0] = membersAt(1);
  const node = world.node(membersAt(1)[place] ?? 0);
  await flipBit(node.disk);
  expect((await scrub(node)).findings).toHaveLength(1);
  await world.driveUntil("it is out", () => !membersAt(node.id).includes(node.id));
  await world.tick(500);
  // What is damaged, and what came after it, is kept until all of it is there again.
  const aside = (await filesOf(node)).map(([name]) => name);
  expect(aside).toContain(`${segment}.damaged`);
  await world.driveUntil("it is back", () => membersAt(node.id).includes(node.id));
  expect(membersAt(node.id)).toHaveLength(3);
  expect(membersAt(node.id)[0] === head).toBe(place > 0);
  return node;
}

test.each([0, 1, 2])("a replica that rots heals from its chain, at place %i in it", async (at) => {
  await open(3);
  const node = await damage(at);
  await world.driveUntil("it is served again", () => headId() > 0);
  await send("after");
  await world.driveUntil("nothing is aside", () =>
    node.log.withLevel("info").some(({ message }) => message.includes("whole again")),
  );
  await expectAllEqual();
});

test("damage in one of several replicas sends readers elsewhere", async () => {
  await open(3, { "log.tail.cache.max.bytes": 0, "log.tail.cache.records": 0 });
  const head = headId();
  const placed = partitionAt(head);
  await flipBit(world.node(head).disk);
  const options = { sizeBytesMax: 100, wholeFirst: true, upTo: 14 };
  const read = async (): Promise<number> => (await placed.read(5, options)).sizeBytes;
  await expect(read()).rejects.toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
  expect(placed.knowsLatest).toBe(false);
  await world.driveUntil("another is the head", () => headId() > 0 && headId() !== head);
  expect((await partitionAt(headId()).read(5, options)).sizeBytes).toBeGreaterThan(0);
});

test("what is left of deleted records is no damage, and costs no place in a chain", async () => {
  await open(3);
  await world.drive(partitionAt(headId()).deleteRecordsBefore(14));
  const logs = (): (PartitionLog | undefined)[] => all.map((id) => partitionAt(id).placement.log);
  await world.driveUntil("it is so everywhere", () => logs().every((log) => log?.logStart === 14));
  const former = world.node(membersAt(1)[1] ?? 0);
  await former.stop();
  const back = await world.drive(world.start(former.id, {}, former.disk));
  await world.driveUntil("it is back", () => membersAt(former.id).length === 3);
  const { epoch } = partitionAt(former.id).placement;
  expect((await scrub(back)).findings).toEqual([]);
  await world.tick(2_000);
  expect(partitionAt(former.id).placement.epoch).toBe(epoch);
});

test("what is left of deleted records is no loss to who comes back alone", async () => {
  await open(1, { "log.checkpoint.interval.ms": 600_000 });
  const former = world.node(headId());
  await world.drive(partitionAt(former.id).deleteRecordsBefore(13));
  await world.tick(1_000);
  former.crash();
  await flipBit(former.disk, "00000000000000000012.log");
  await world.drive(world.start(former.id, {}, former.disk));
  await world.driveUntil("it is served again", () => headId() > 0);
  await send("after");
});

test("who was damaged while it was alone keeps its place once that is deleted", async () => {
  await open(2);
  const [first = 0, second = 0] = membersAt(headId());
  const former = world.node(second);
  former.crash();
  await world.driveUntil("one is alone", () => membersAt(first).length === 1);
  await flipBit(world.node(first).disk);
  expect((await scrub(world.node(first))).findings).toHaveLength(1);
  await world.drive(partitionAt(first).deleteRecordsBefore(7));
  await world.drive(world.start(second, {}, former.disk));
  await world.driveUntil("it is back", () => membersAt(first).length === 2);
  const { epoch } = partitionAt(first).placement;
  await world.tick(30_000);
  expect(partitionAt(first).placement.epoch).toBe(epoch);
});

test("each that rots heals in turn, until none of the first copies is left", async () => {
  await open(3);
  const [first = 0, second = 0, third = 0] = membersAt(1);
  for (const id of [third, first, second]) await damage(membersAt(1).indexOf(id));
  await send("after");
  await expectAllEqual();
});

test("a replica that stops at damage is opened again, and heals", async () => {
  await open(3, { "log.damage.policy": "stop" });
  await damage(1);
  await send("after");
  await expectAllEqual();
});

test("who reads nothing finds rot too, in time", async () => {
  await open(3, { "log.scrub.interval.ms": 600_000 });
  const node = world.node(membersAt(1)[1] ?? 0);
  await flipBit(node.disk);
  await world.tick(59_000);
  expect(membersAt(node.id)).toHaveLength(3);
  await world.driveUntil("it is out", () => !membersAt(node.id).includes(node.id));
  await world.driveUntil("it is back", () => membersAt(node.id).includes(node.id));
  await send("after");
  await expectAllEqual();
});

test("who comes back with an empty disk is filled again, and trusted with nothing", async () => {
  await open(3);
  const [, middle = 0] = membersAt(1);
  const former = world.node(middle);
  const { lineages } = former.cluster.membership.entry;
  former.crash();
  // Another directory of the same id waits for the lease of the first.
  const back = await world.drive(world.start(middle));
  expect(back.cluster.membership.entry.lineages?.fsync).not.toBe(lineages?.fsync);
  await world.driveUntil("it is back", () => membersAt(middle).at(-1) === middle);
  await send("after");
  await expectAllEqual();
});

test("of a chain of one nothing goes: what is damaged is told, the rest is served", async () => {
  await open(1);
  const node = world.node(headId());
  await flipBit(node.disk);
  const before = await filesOf(node);
  expect((await scrub(node)).findings).toHaveLength(1);
  await world.tick(30_000);
  await send("after");
  // What is in memory is as it was.
  await node.stop();
  await world.drive(world.start(node.id, {}, node.disk));
  await world.driveUntil("it is served again", () => headId() > 0);
  const partition = partitionAt(node.id);
  const options = { sizeBytesMax: 100, wholeFirst: true, upTo: 15 };
  const read = async (offset: number): Promise<number> =>
    (await partition.read(offset, options)).sizeBytes;
  await expect(read(5)).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
  expect(await read(4)).toBeGreaterThan(0);
  expect(await read(6)).toBeGreaterThan(0);
  expect((await filesOf(node)).slice(0, 3)).toEqual(before.slice(0, 3));
});

test("what a start finds damaged in a chain of one waits for a hand as it is", async () => {
  await open(1, { "log.checkpoint.interval.ms": 600_000 });
  const former = world.node(headId());
  former.crash();
  await flipBit(former.disk, "00000000000000000012.log");
  const before = await filesOf(former);
  await world.drive(world.start(former.id, {}, former.disk));
  await world.tick(20_000);
  expect(partitionAt(former.id).absence).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
  expect(await filesOf(former)).toEqual(before);
});

test("who has lost its end while all were down waits for one that has all", async () => {
  await open(3);
  const assignments = [{ index: 0, replicas: [3] }];
  await world.create(1, "alone", { assignments, partitions: -1, replicas: -1 });
  // Checkpoints say what was committed.
  await world.tick(10_000);
  const former = all.map((id) => world.node(id));
  for (const node of former) node.crash();
  const [, , third] = former as [ClusterNode, ClusterNode, ClusterNode];
  const path = "orders-0/00000000000000000012.log";
  const file = await third.disk.open(path, { create: false });
  await file.truncate(file.sizeBytes / 2);
  await file.close();
  // Until all leases are over.
  await world.tick(10_000);
  const back = await world.drive(world.start(3, {}, third.disk));
  const alone = back.topic("alone")?.partitions[0];
  await world.driveUntil("what it holds alone is served", () => alone?.absence === undefined);
  await world.tick(20_000);
  expect(partitionAt(3).absence).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
  for (const node of former.slice(0, 2)) await world.drive(world.start(node.id, {}, node.disk));
  await world.driveUntil("there is a head again", () => headId() > 0);
  await world.driveUntil("all are members", () => membersAt(1).length === 3);
  await send("after");
  await expectAllEqual();
});

test("after a loss of all power the chain goes on from the longest log without holes", async () => {
  await open(3, { "log.checkpoint.interval.ms": 600_000 }, [["durability", "os"]]);
  const former = all.map((id) => world.node(id));
  for (const node of former) node.crash();
  const [first, second, third] = former as [ClusterNode, ClusterNode, ClusterNode];
  // Of its fourteen records one is left that has a hole before it, another one has thirteen.
  await flipBit(first.disk, "00000000000000000012.log");
  const ends = [
    [second, 1 / 2],
    [third, 0],
  ] as const;
  for (const [{ disk }, part] of ends) {
    const file = await disk.open("orders-0/00000000000000000012.log", { create: false });
    await file.truncate(file.sizeBytes * part);
    await file.close();
  }
  await world.tick(10_000);
  world.bootId = "boot 2";
  for (const node of former) await world.drive(world.start(node.id, {}, node.disk));
  await world.driveUntil("there is a head again", () => headId() > 0);
  await world.driveUntil("all are members", () => membersAt(1).length === 3);
  expect(partitionAt(headId()).placement.log?.end).toBe(13);
});

test("a log with holes that is the longest is cut to where it is whole, and copied", async () => {
  await open(3, { "log.checkpoint.interval.ms": 600_000 }, [["durability", "os"]]);
  const former = all.map((id) => world.node(id));
  for (const node of former) node.crash();
  for (const { disk } of former) await flipBit(disk, "00000000000000000012.log");
  await world.tick(10_000);
  world.bootId = "boot 2";
  for (const node of former) await world.drive(world.start(node.id, {}, node.disk));
  await world.driveUntil("there is a head again", () => headId() > 0);
  await world.driveUntil("all are members", () => membersAt(1).length === 3);
  expect(partitionAt(headId()).placement.log?.end).toBe(12);
  await send("after");
  await world.driveUntil("all have it", () =>
    all.every((id) => partitionAt(id).placement.log?.end === 13),
  );
  for (const id of all) expect((await scrub(world.node(id))).findings).toEqual([]);
});

test("who finds damage in an os log when all were down waits for a whole one", async () => {
  await open(3, { "log.checkpoint.interval.ms": 600_000 }, [["durability", "os"]]);
  const former = all.map((id) => world.node(id));
  const [first, ...others] = former as [ClusterNode, ClusterNode, ClusterNode];
  for (const node of former) node.crash();
  await flipBit(first.disk, "00000000000000000012.log");
  await world.tick(10_000);
  await world.drive(world.start(first.id, {}, first.disk));
  await world.tick(20_000);
  expect(partitionAt(first.id).absence).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
  for (const node of others) await world.drive(world.start(node.id, {}, node.disk));
  await world.driveUntil("there is a head again", () => headId() > 0);
  await world.driveUntil("all are members", () => membersAt(1).length === 3);
  await send("after");
  await expectAllEqual();
});

test("a replica whose disk fails is tried again until the disk is better", async () => {
  world = new ClusterWorld(3);
  const flushes = new FailingFlushes();
  await world.start(1);
  await world.start(2);
  const { clock } = world;
  const disk = flushes.on(new MemoryDisk({ sizeBytesMax: 64 * 1024 ** 2, clock }));
  await world.start(3, {}, disk);
  const configs = new Map([["min.insync.replicas", "2"]]);
  const assignments = [{ index: 0, replicas: [1, 3, 2] }];
  const asked = { assignments, partitions: -1, replicas: -1 };
  await world.create(1, "orders", { ...asked, configs });
  await world.create(1, "others", asked);
  await world.driveUntil("there is a head", () => headId() > 0);
  await send("before");
  flushes.isFailing = true;
  await send("meanwhile", 60_000);
  await world.driveUntil("it is out", () => !membersAt(1).includes(3));
  // It is named again, and fails again.
  await world.tick(40_000);
  expect(partitionAt(1).placement.log?.end).toBe(2);
  expect(world.node(3).topic("others")?.partitions[0]?.stopped).toBeUndefined();
  flushes.isFailing = false;
  await world.driveUntil("it is back", () => membersAt(1).includes(3));
  await send("after");
  await world.driveUntil("all have it", () =>
    all.every((id) => partitionAt(id).placement.log?.end === 3),
  );
  const expected = await filesOf(world.node(1));
  expect(await filesOf(world.node(3))).toEqual(expected);
});
