import { afterEach, beforeEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import type { ChainConfig } from "../../../replication/chain-config.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { PlacedPartition } from "../../cluster/replicas/placed-partition.ts";
import { changeConfigs } from "../../configs/alter-resource-configs.ts";
import { alterReassignment } from "../../reassignment/alter-reassignment.ts";

let world: ClusterWorld;
beforeEach(async () => {
  world = await ClusterWorld.open(3);
});
afterEach(() => world.close());

const partitionCount = 4;
const batchBytes = 20_000;
const batchCount = 25;
/** Of one partition's log, about. */
const logBytes = batchBytes * batchCount;
const all = Array.from({ length: partitionCount }, (_, index) => index);

const partitionAt = (id: number, index: number): PlacedPartition =>
  world.node(id).topic("orders")?.partitions[index] as PlacedPartition;

const chains = (): ChainConfig[] =>
  [...world.node(1).cluster.image.chains.values()].map(({ config }) => config);

async function append(index: number): Promise<number> {
  const bytes = batchOf(["x".repeat(batchBytes)]);
  const startMs = world.clock.monotonicMs();
  const batch = await world.send(1, "orders", bytes, { index, timeoutMs: 60_000 });
  expect(batch.error).toBeUndefined();
  return world.clock.monotonicMs() - startMs;
}

/** Led by node 1, with half a megabyte each. */
async function createFilled(): Promise<void> {
  const assignments = all.map((index) => ({ index, replicas: [1] }));
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await world.driveUntil("it is led", () => all.every((index) => !partitionAt(1, index).absence));
  for (const index of all) {
    for (let count = 0; count < batchCount; count += 1) await append(index);
  }
}

async function moveTo(replicas: number[], indexes = all): Promise<void> {
  for (const partition of indexes) {
    const ask = { topic: "orders", partition, replicas, mayResize: true };
    await world.drive(alterReassignment(world.node(2).broker, ask));
  }
}

function set(at: number, kind: "broker" | "topic", name: string, configs: [string, string][]) {
  const changes = configs.map(([key, value]) => ({ name: key, value, operation: "set" as const }));
  const { broker } = world.node(at);
  const options = { validateOnly: false };
  return world.drive(changeConfigs(broker, { kind, name }, changes, options));
}

const copiedBytes = (id: number, index: number): number =>
  partitionAt(id, index).placement.log?.sizeBytes ?? 0;
const isDone = (): boolean => chains().every(({ target }) => target === undefined);
const nowMs = (): number => world.clock.monotonicMs();

test("replicas that join share the rate of the sender's node, each as much", async () => {
  await createFilled();
  const rate = 100_000;
  await set(2, "broker", "", [["replica.copy.io.max.bytes.per.second", String(rate)]]);
  await moveTo([1, 3]);
  const startMs = nowMs();
  await world.driveUntil("half of it is copied", () => copiedBytes(3, 0) > logBytes / 2);
  const sizes = all.map((index) => copiedBytes(3, index));
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(4 * batchBytes);
  await world.driveUntil("all is copied", isDone);
  const seconds = (nowMs() - startMs) / 1_000;
  expect(seconds).toBeGreaterThan((partitionCount * logBytes * 0.9) / rate);
  expect(seconds).toBeLessThan((partitionCount * logBytes * 1.3) / rate);
});

test("what is live is not slowed, before, while and after replicas join slowly", async () => {
  await createFilled();
  await moveTo([1, 2]);
  await world.driveUntil("there are two", isDone);
  const times = [await append(0)];
  await set(1, "broker", "", [["replica.copy.io.max.bytes.per.second", "10000"]]);
  await moveTo([1, 2, 3], [0]);
  await world.driveUntil("it begins", () => copiedBytes(3, 0) > 0);
  while (!isDone()) {
    times.push(await append(1), await append(0));
    await world.tick(4_000);
  }
  expect(times.length).toBeGreaterThan(10);
  expect(Math.max(...times)).toBeLessThan(500);
});

test("a joiner that waits for its turn is not taken for one that stands still", async () => {
  await createFilled();
  await set(1, "broker", "", [["replica.copy.io.max.bytes.per.second", "400"]]);
  await moveTo([1, 3], [0]);
  await world.driveUntil("it begins", () => copiedBytes(3, 0) > 0);
  const { epoch } = chains()[0] as ChainConfig;
  const before = copiedBytes(3, 0);
  // A batch in fifty seconds, and a joiner that stands still is cut after thirty.
  await world.tick(150_000);
  expect(copiedBytes(3, 0)).toBeGreaterThan(before);
  expect(chains()[0]).toMatchObject({ epoch, joining: [{ id: 3 }] });
  await set(1, "broker", "", [["replica.copy.io.max.bytes.per.second", "100000000"]]);
  await world.driveUntil("it has joined", isDone);
});

test("Kafka's throttles hold back the replicas that the topic names, and no others", async () => {
  await createFilled();
  await set(1, "broker", "1", [["leader.replication.throttled.rate", "50000"]]);
  await set(3, "broker", "3", [["follower.replication.throttled.rate", "25000"]]);
  await set(2, "topic", "orders", [
    ["leader.replication.throttled.replicas", "0:1,1:2"],
    ["follower.replication.throttled.replicas", "2:3,1:2"],
  ]);
  await world.tick(1_000);
  const startMs = nowMs();
  await moveTo([1, 3]);
  const membersOf = (index: number): number => chains()[index]?.members.length ?? 0;
  await world.driveUntil("two have joined", () => membersOf(1) === 2 && membersOf(3) === 2);
  expect(nowMs() - startMs).toBeLessThan(5_000);
  await world.driveUntil("the one of the leader's rate has joined", () => membersOf(0) === 2);
  expect(nowMs() - startMs).toBeGreaterThan((0.8 * logBytes) / 50);
  await world.driveUntil("the one of the follower's rate has joined", () => membersOf(2) === 2);
  expect(nowMs() - startMs).toBeGreaterThan((0.8 * logBytes) / 25);
  expect(nowMs() - startMs).toBeLessThan((1.4 * logBytes) / 25);
});

test("reads that fail take nothing of the rate from those that do not", async () => {
  await world.close();
  world = new ClusterWorld(3);
  const disk = new SimulatedDisk({ nowMs: () => world.clock.nowMs() });
  const settings = { "log.tail.cache.max.bytes": 0 };
  for (const id of [1, 2, 3]) await world.start(id, settings, id === 1 ? disk : undefined);
  await createFilled();
  const rate = 100_000;
  await set(2, "broker", "", [["replica.copy.io.max.bytes.per.second", String(rate)]]);
  let failed = 0;
  disk.fault = (operation, path) => {
    if (operation !== "read" || !path.includes("orders-0") || failed === 60) return;
    failed += 1;
    throw new Error("EIO: i/o error, read");
  };
  const startMs = nowMs();
  await moveTo([1, 3], [0]);
  await world.driveUntil("all is copied", isDone);
  expect(failed).toBe(60);
  // They were tried again for six seconds, and would have taken ten more.
  expect(nowMs() - startMs).toBeLessThan((1_000 * logBytes * 1.3) / rate + 7_000);
});
