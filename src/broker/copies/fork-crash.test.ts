import { describe, expect, test } from "vitest";
import { append, readValues } from "../../../test/support/log-directory.ts";
import { openTopicsWorld, type TopicsWorld } from "../../../test/support/topics-world.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { forkTopic } from "./fork-topic.ts";

const small = { "segment.records": "3" };
const at = { kind: "offset", offset: 5 } as const;
const inSource = ["0", "1", "2", "3", "4", "5", "6"];
const inFork = inSource.slice(0, 5);

async function openOrders() {
  const disk = new SimulatedDisk();
  const world = await openTopicsWorld(disk);
  await world.create("orders", small, 2);
  for (const value of inSource) {
    for (const index of [0, 1]) await append(world.partition("orders", index), [value]);
  }
  return { disk, world };
}

async function countOperations(): Promise<number> {
  const { disk, world } = await openOrders();
  let count = 0;
  disk.fault = () => void (count += 1);
  await forkTopic(world.topics, { source: "orders", name: "debug", at });
  return count;
}

/** The disk as it is when the fork's operation of that number is about to begin. */
async function dieAt(operation: number): Promise<SimulatedDisk> {
  const { disk, world } = await openOrders();
  let count = 0;
  return await new Promise((resolve) => {
    disk.fault = () => {
      count += 1;
      if (count !== operation) return;
      disk.die();
      resolve(disk);
    };
    void forkTopic(world.topics, { source: "orders", name: "debug", at }).catch(() => undefined);
  });
}

/** Answers whether the fork is there; then it is whole. */
async function checkAfter(disk: SimulatedDisk): Promise<boolean> {
  const world = await openTopicsWorld(disk);
  const isThere = world.topics.find("debug") !== undefined;
  await checkTopic(world, "orders", inSource);
  if (isThere) await checkTopic(world, "debug", inFork);
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

describe("a fork that a crash cuts short at any operation is whole or not there", () => {
  test.each(["kill", "power cut"])("by a %s", async (kind) => {
    const count = await countOperations();
    expect(count).toBeGreaterThan(30);
    let thereCount = 0;
    for (let operation = 1; operation <= count; operation += 1) {
      const disk = await dieAt(operation);
      const random = new SeededRandom(operation);
      const left = kind === "kill" ? disk.afterKill() : disk.afterPowerCut(random);
      if (await checkAfter(left)) thereCount += 1;
    }
    expect(thereCount).toBeGreaterThan(0);
    expect(thereCount).toBeLessThan(count);
  });
});
