import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf, readValues, runPass } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { formatUuid } from "../../../base/uuid.ts";
import { chainKey } from "../../../replication/chain-config.ts";
import { createBucket } from "../../buckets/change-bucket.ts";
import { LazyStorage } from "../../partition/lazy/lazy-storage.ts";
import type { Partition } from "../../partition/partition.ts";
import { alterReassignment } from "../../reassignment/alter-reassignment.ts";
import type { Topic } from "../../topics/live-topic.ts";
import { KnownChains } from "./known-chains.ts";
import type { PlacedPartition } from "./placed-partition.ts";

const all = [1, 2, 3];
let world: ClusterWorld;
afterEach(() => world.close());

const topicAt = (id: number): Topic => world.node(id).topic("orders") as Topic;
const partitionAt = (id: number): PlacedPartition => topicAt(id).partitions[0] as PlacedPartition;
const logAt = (id: number): Partition => partitionAt(id).placement.log as Partition;

async function headOf(ids: readonly number[]): Promise<number> {
  const find = (): number | undefined => ids.find((id) => partitionAt(id).absence === undefined);
  await world.driveUntil("there is a head", () => find() !== undefined);
  return find() as number;
}

function membersAt(id: number): readonly number[] {
  const { chains } = world.node(id).cluster.image;
  const chain = chains.get(chainKey(formatUuid(topicAt(id).id), 0));
  return chain?.config.members.map((member) => member.id) ?? [];
}

async function send(head: number, ...values: string[]): Promise<void> {
  for (const value of values) {
    const { error } = await world.send(head, "orders", batchOf([value], { key: "same" }));
    expect(error).toBeUndefined();
  }
}

async function configure(name: string, value: string, topic = "orders"): Promise<void> {
  const { topics } = world.node(1).broker;
  await world.drive(topics.configure(topic, (own) => new Map([...own, [name, value]])));
}

async function open(): Promise<void> {
  world = await ClusterWorld.open(3);
  const configs = new Map([["segment.records", "1"]]);
  await world.create(1, "orders", { replicas: 3, configs });
  await send(await headOf(all), "a");
}

test("who was away while a topic was compacted takes what others have left of it", async () => {
  await open();
  world.node(3).coordinator.cut();
  await world.driveUntil("node 3 is out", () => !membersAt(1).includes(3));
  await send(await headOf([1, 2]), "b", "c", "d", "e");
  await configure("cleanup.policy", "compact");
  await world.tick(2_000);
  for (const id of [1, 2]) await runPass(logAt(id), world.clock);
  await configure("cleanup.policy", "delete");
  world.node(3).coordinator.mend();
  await world.driveUntil("node 3 is back", () => membersAt(1).includes(3));
  expect(await readValues(logAt(3))).toEqual(["a", ...(await readValues(logAt(1)))]);
  expect(await readValues(logAt(3))).not.toContain("b");
});

/** Of these nodes; the backup is of before. */
async function compactAfterBackup(ids: readonly number[]) {
  await open();
  await send(await headOf(all), "b", "c", "d", "e");
  const backup = world.store.backUp();
  await configure("cleanup.policy", "compact");
  await world.tick(2_000);
  for (const id of ids) await runPass(logAt(id), world.clock);
  return backup;
}

test("a coordinator that was restored from before a compaction is told of the gaps", async () => {
  const backup = await compactAfterBackup(all);
  world.store.restore(backup);
  const isOld = (id: number): boolean => topicAt(id).settings["cleanup.policy"][0] === "delete";
  await world.driveUntil("nodes have what is restored", () => all.every((id) => isOld(id)));
  await world.driveUntil("it is told", () => all.every((id) => !topicAt(id).isStoredDense));
  await headOf(all);
});

/** Counts what nodes write of topics, and may have it fail. */
function followTopicWrites(): { count: number; areRefused: boolean } {
  const seen = { count: 0, areRefused: false };
  for (const id of all) {
    const { coordinator } = world.node(id);
    const transact = coordinator.transact.bind(coordinator);
    coordinator.transact = async (compares, writes) => {
      const isTopic = writes.some(({ key }) => key.startsWith("topics/"));
      if (isTopic && seen.areRefused) throw new XylemError("REQUEST_TIMED_OUT", "so it is told to");
      const revision = await transact(compares, writes);
      if (isTopic && revision !== undefined) seen.count += 1;
      return revision;
    };
  }
  return seen;
}

/** All nodes know that the coordinator knows. */
function expectTold(names: readonly string[]): void {
  const topics = all.flatMap((id) => names.map((name) => world.node(id).topic(name)));
  expect(topics.filter((topic) => topic?.isStoredDense !== false)).toEqual([]);
}

test("it is told so of each topic once, however many there are", async () => {
  await open();
  const names = ["orders", "prices", "stocks", "rates"];
  for (const name of names.slice(1)) await world.create(1, name, { replicas: 3 });
  const backup = world.store.backUp();
  for (const name of names) await configure("cleanup.policy", "compact", name);
  await world.tick(2_000);
  const writes = followTopicWrites();
  world.store.restore(backup);
  await world.tick(10_000);
  expectTold(names);
  expect(writes.count).toBe(names.length);
});

test("so it is where a bucket has them compacted", async () => {
  world = await ClusterWorld.open(3);
  const names = Array.from({ length: 70 }, (_, at) => `com.of${at}`);
  for (const name of names) await world.create(1, name);
  const writes = followTopicWrites();
  const configs = new Map([["cleanup.policy", "compact"]]);
  await world.drive(createBucket(world.node(1).broker, "com", configs));
  await world.tick(10_000);
  expectTold(names);
  expect(writes.count).toBe(names.length);
});

test("it is told so once it takes a word again, and of no partitions without chains", async () => {
  await open();
  const backup = world.store.backUp();
  const { broker } = world.node(1);
  await world.drive(broker.topics.addPartitions("orders", 3));
  await configure("cleanup.policy", "compact");
  await world.tick(2_000);
  const writes = followTopicWrites();
  writes.areRefused = true;
  world.store.restore(backup);
  await world.tick(10_000);
  // After it all topics are looked at.
  await world.drive(createBucket(broker, "com", new Map([["retention.ms", "1000"]])));
  await world.tick(10_000);
  expect([writes.count, topicAt(1).isStoredDense]).toEqual([0, true]);
  writes.areRefused = false;
  await world.tick(31_000);
  expectTold(["orders"]);
  const stored = world.store.read("topics/orders").entries[0]?.value ?? "";
  expect(JSON.parse(stored)).toMatchObject({ partitions: 1, dense: false });
});

test("it is told of nothing else: not of partitions for which it has no chains", async () => {
  await open();
  const backup = world.store.backUp();
  const { topics } = world.node(1).broker;
  await world.drive(topics.addPartitions("orders", 3));
  await configure("cleanup.policy", "compact");
  await world.tick(2_000);
  world.store.restore(backup);
  const stored = () => world.store.read("topics/orders").entries[0]?.value ?? "";
  await world.driveUntil("it is told", () => !stored().includes('"dense":true'));
  await world.tick(5_000);
  expect(JSON.parse(stored())).toMatchObject({ partitions: 1, dense: false });
});

test("nor are they damage to a node that starts after such a restore", async () => {
  const backup = await compactAfterBackup([3]);
  const left = await readValues(logAt(3));
  expect(left).not.toContain("b");
  for (const id of all) world.node(id).crash();
  world.store.restore(backup);
  await world.drive(Promise.all(all.map((id) => world.start(id, {}, world.node(id).disk))));
  await world.driveUntil("all are back", () => membersAt(3).length === 3);
  await world.tick(5_000);
  expect(topicAt(3).settings["cleanup.policy"]).toEqual(["delete"]);
  expect(await readValues(logAt(3))).toEqual(left);
});

/** Until the answer is called `name` of that class waits for what it does. */
function holdBack(owner: object, name: string): { done: Promise<void>; release: () => void } {
  const before = Object.getOwnPropertyDescriptor(owner, name) as PropertyDescriptor;
  const act = before.value as (...what: unknown[]) => Promise<unknown>;
  const [done, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const value = async function slowly(this: object, ...what: unknown[]): Promise<unknown> {
    const result = await act.apply(this, what);
    done.resolve();
    await gate.promise;
    return result;
  };
  Object.defineProperty(owner, name, { ...before, value });
  const release = (): void => {
    Object.defineProperty(owner, name, before);
    gate.resolve();
  };
  return { done: done.promise, release };
}

test.each([
  ["opens", LazyStorage.prototype, "openReplica"],
  ["is noted", KnownChains.prototype, "stored"],
])("what a topic becomes while a replica of it %s, the replica is", async (_, owner, name) => {
  world = await ClusterWorld.open(3);
  const assignments = [{ index: 0, replicas: [1, 2] }];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await send(await headOf([1, 2]), "a");
  await world.tick(2_000);
  const held = holdBack(owner, name);
  try {
    const place = { topic: "orders", partition: 0, replicas: all, mayResize: true };
    await world.drive(alterReassignment(world.node(1).broker, place));
    await world.drive(held.done);
    await configure("cleanup.policy", "compact");
    await configure("durability", "fsync");
    await world.driveUntil("node 3 knows", () => topicAt(3).settings.durability === "fsync");
  } finally {
    held.release();
  }
  await world.driveUntil("node 3 is in", () => membersAt(1).includes(3));
  const { settings, replica } = logAt(3);
  expect([settings.durability, replica?.mayHaveGaps]).toEqual(["fsync", true]);
});
