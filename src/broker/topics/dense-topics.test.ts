import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { append, readValues, runPass } from "../../../test/support/log-directory.ts";
import { openTopicRig } from "../../../test/support/topic-rig.ts";
import { openTopicsWorld } from "../../../test/support/topics-world.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { configureBucket, createBucket } from "../buckets/change-bucket.ts";
import type { Coordinator } from "../ports/coordinator.ts";

const asked = (name: string, policy = "delete") => ({
  name,
  partitions: 1,
  replicas: 1,
  configs: new Map([["cleanup.policy", policy]]),
});

test("a topic made here may have no gaps, also after a restart", async () => {
  const rig = await openTopicRig();
  await rig.topics.create(asked("orders"));
  await rig.topics.create(asked("prices", "compact,delete"));
  await rig.topics.addPartitions("orders", 2);
  const again = await rig.restart();
  expect([...again.storage.dense].sort()).toEqual(["orders-0", "orders-1"]);
});

test("a topic that was ever to be compacted may have gaps for good", async () => {
  const rig = await openTopicRig();
  await rig.topics.create(asked("orders"));
  for (const policy of ["compact", "delete"]) {
    await rig.topics.configure("orders", () => new Map([["cleanup.policy", policy]]));
  }
  const again = await rig.restart();
  expect([...again.storage.dense]).toEqual([]);
});

test("a topic that a default compacted may have gaps for good, without it too", async () => {
  const rig = await openTopicRig();
  await rig.topics.create({ ...asked("com.orders"), configs: new Map() });
  await rig.topics.create({ ...asked("plain"), configs: new Map() });
  await createBucket(rig, "com", new Map([["cleanup.policy", "compact"]]));
  await expect
    .poll(() => rig.coordinator.read("topics/com"))
    .toMatchObject({
      entries: [{ value: expect.stringContaining('"dense":false') as string }],
    });
  const unset = { name: "cleanup.policy", operation: "delete", value: null } as const;
  await configureBucket(rig, "com", [unset]);
  const again = await rig.restart();
  expect([...again.storage.dense]).toEqual(["plain-0"]);
  const compacting = await again.restart({ "log.cleanup.policy": "compact" });
  await compacting.topics.close();
  const after = await compacting.restart({});
  expect([...after.storage.dense]).toEqual([]);
});

/** The coordinator takes nothing of topics until that is asked of it again. */
function refuseTopics(coordinator: Coordinator): { askedCount: number; mend: () => void } {
  const transact = coordinator.transact.bind(coordinator);
  const refused = { askedCount: 0, mend: () => (coordinator.transact = transact) };
  coordinator.transact = async (compares, writes) => {
    if (!writes.some(({ key }) => key.startsWith("topics/"))) return transact(compares, writes);
    refused.askedCount += 1;
    throw new Error("no quorum");
  };
  return refused;
}

test("while the coordinator fails it is not asked of every topic, and later again", async () => {
  const rig = await openTopicRig();
  const names = Array.from({ length: 200 }, (_, at) => `com.of${at}`);
  for (const name of names) await rig.topics.create({ ...asked(name), configs: new Map() });
  const refused = refuseTopics(rig.coordinator);
  await createBucket(rig, "com", new Map([["cleanup.policy", "compact"]]));
  const warnings = (): string[] => rig.lines.filter((line) => line.includes("not marked as such"));
  await expect.poll(warnings).toHaveLength(1);
  expect(refused.askedCount).toBeLessThan(names.length / 2);
  refused.mend();
  await rig.clock.advance(30_000);
  await expect.poll(() => rig.topics.list().filter((one) => one.isStoredDense)).toEqual([]);
  const again = await rig.restart();
  expect([[...again.storage.dense], warnings().length]).toEqual([[], 1]);
});

test("nor is it asked once the topics are closed", async () => {
  const rig = await openTopicRig();
  await rig.topics.create({ ...asked("com.orders"), configs: new Map() });
  const refused = refuseTopics(rig.coordinator);
  await createBucket(rig, "com", new Map([["cleanup.policy", "compact"]]));
  await expect.poll(() => refused.askedCount).toBe(1);
  await rig.topics.close();
  await rig.clock.advance(60_000);
  expect(refused.askedCount).toBe(1);
});

test("a topic found in the data directory may have gaps, also after a restart", async () => {
  const rig = await openTopicRig();
  rig.storage.found.push({ topic: "kafka.made", index: 0, topicId: undefined });
  const first = await rig.restart();
  const again = await first.restart();
  expect(again.topics.find("kafka.made")).toBeDefined();
  expect([...first.storage.dense, ...again.storage.dense]).toEqual([]);
});

test("what compaction took is no damage once a topic is compacted no more", async () => {
  const world = await openTopicsWorld(new SimulatedDisk(), { isLazy: true });
  await world.create("orders", { "internal.segment.bytes": "100" });
  const setPolicy = (policy: string): Promise<unknown> => {
    return world.topics.configure("orders", (own) => new Map([...own, ["cleanup.policy", policy]]));
  };
  const orders = world.partition("orders");
  for (const value of ["one", "two", "three"]) await append(orders, [value], { key: "same" });
  await append(orders, ["last"], { key: "other" });
  await setPolicy("compact");
  await world.background.use("orders", 0, (opened) => runPass(opened, world.clock));
  expect(await readValues(orders)).toEqual(["two", "three", "last"]);
  await setPolicy("delete");
  for (let minute = 0; minute < 20; minute += 1) {
    await world.clock.advance(60_000);
    await turn();
  }
  expect(orders.load()).toBeDefined();
  await orders.load();
  expect(await readValues(orders)).toEqual(["two", "three", "last"]);
  await world.close();
});
