import { describe, expect, test } from "vitest";
import { append, batchOf, committed, readValues } from "../../../test/support/log-directory.ts";
import { openTopicsWorld, type TopicsWorld } from "../../../test/support/topics-world.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { forkTopic } from "./fork-topic.ts";

const at = { kind: "offset", offset: 5 } as const;
const inSource = ["0", "1", "2", "3", "4", "5", "6"];
const inFork = inSource.slice(0, 5);

/** What is forked, and what holds of the fork where it is there. */
interface Scene {
  readonly fill: (world: TopicsWorld) => Promise<void>;
  readonly checkSource: (world: TopicsWorld) => Promise<void>;
  readonly checkFork: (world: TopicsWorld) => Promise<void>;
}

const plain: Scene = {
  fill: async (world) => {
    await world.create("orders", { "segment.records": "3" }, 2);
    for (const value of inSource) {
      for (const index of [0, 1]) await append(world.partition("orders", index), [value]);
    }
  },
  checkSource: (world) => checkTopic(world, "orders", inSource),
  checkFork: (world) => checkTopic(world, "debug", inFork),
};

/** A transaction that is open at the cut, in a topic that leaves flushes to the system. */
const cutTransaction: Scene = {
  fill: async (world) => {
    await world.create("orders", { durability: "os" }, 2);
    for (const index of [0, 1]) await appendTransaction(world.partition("orders", index));
  },
  checkSource: () => Promise.resolve(),
  checkFork: async (world) => {
    for (const index of [0, 1]) {
      const fork = world.partition("debug", index);
      await fork.load("files");
      expect([fork.end, fork.lastStable]).toEqual([6, 6]);
      const aborted = [{ producerId: 7, firstOffset: 4, lastOffset: 5 }];
      expect(await fork.abortedTransactions(0, 6)).toMatchObject(aborted);
      expect(await append(fork, ["more"])).toBe(6);
    }
  },
};

/** Four plain records, two in a transaction, its marker. */
async function appendTransaction(partition: PartitionLog): Promise<void> {
  for (const value of inSource.slice(0, 4)) await append(partition, [value]);
  const id = { producerId: 7, producerEpoch: 0 };
  for (const baseSequence of [0, 1]) {
    const batch = batchOf([`${4 + baseSequence}`], { ...id, isTransactional: true, baseSequence });
    partition.append(batch, { origin: "client", isTransactionKnown: true });
  }
  const by = { coordinatorEpoch: 1, transactionVersion: 1 };
  const { lastOffset } = partition.endTransaction({ type: "commit", ...id, ...by });
  await committed(partition, lastOffset + 1);
}

async function openOrders({ fill }: Scene) {
  const disk = new SimulatedDisk();
  const world = await openTopicsWorld(disk);
  await fill(world);
  return { disk, world };
}

async function countOperations(scene: Scene): Promise<number> {
  const { disk, world } = await openOrders(scene);
  let count = 0;
  disk.fault = () => void (count += 1);
  await forkTopic(world.topics, { source: "orders", name: "debug", at });
  return count;
}

/** The disk as it is when the fork's operation of that number is about to begin. */
async function dieAt(scene: Scene, operation: number): Promise<SimulatedDisk> {
  const { disk, world } = await openOrders(scene);
  let count = 0;
  return await new Promise((resolve) => {
    disk.fault = () => {
      count += 1;
      if (count !== operation) return;
      disk.die();
      resolve(disk);
    };
    const fork = forkTopic(world.topics, { source: "orders", name: "debug", at });
    // A crash after the last operation.
    void fork.catch(() => undefined).then(() => resolve(disk));
  });
}

/** Answers whether the fork is there; then it is whole. */
async function checkAfter(scene: Scene, disk: SimulatedDisk): Promise<boolean> {
  const world = await openTopicsWorld(disk);
  const isThere = world.topics.find("debug") !== undefined;
  await scene.checkSource(world);
  if (isThere) await scene.checkFork(world);
  await world.clock.advance(600_000);
  const folders = (await disk.list("")).filter(({ name }) => name.startsWith("debug"));
  const left = folders.filter(({ name }) => !name.endsWith("-delete"));
  expect(left).toHaveLength(isThere ? 2 : 0);
  await world.close();
  const topics = (await openTopicsWorld(disk)).topics.list().map(({ name }) => name);
  expect(topics).toEqual(isThere ? ["debug", "orders"] : ["orders"]);
  return isThere;
}

async function checkTopic(world: TopicsWorld, topic: string, values: string[]): Promise<void> {
  for (const index of [0, 1]) {
    expect(await readValues(world.partition(topic, index))).toEqual(values);
    expect(await append(world.partition(topic, index), ["more"])).toBe(values.length);
  }
}

describe.each([
  ["", plain],
  [" with a transaction that is open at its cut", cutTransaction],
])("a fork%s that a crash cuts short at any operation is whole or not there", (_, scene) => {
  test.each(["kill", "power cut"])("by a %s", async (kind) => {
    const count = await countOperations(scene);
    expect(count).toBeGreaterThan(30);
    let thereCount = 0;
    for (let operation = 1; operation <= count + 1; operation += 1) {
      const disk = await dieAt(scene, operation);
      const random = new SeededRandom(operation);
      const left = kind === "kill" ? disk.afterKill() : disk.afterPowerCut(random);
      if (await checkAfter(scene, left)) thereCount += 1;
    }
    expect(thereCount).toBeGreaterThan(0);
    expect(thereCount).toBeLessThan(count);
  });
});
