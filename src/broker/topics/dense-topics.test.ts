import { expect, test } from "vitest";
import { openTopicRig } from "../../../test/support/topic-rig.ts";
import { configureBucket, createBucket } from "../buckets/change-bucket.ts";

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

test("a topic found in the data directory may have gaps, also after a restart", async () => {
  const rig = await openTopicRig();
  rig.storage.found.push({ topic: "kafka.made", index: 0, topicId: undefined });
  const first = await rig.restart();
  const again = await first.restart();
  expect(again.topics.find("kafka.made")).toBeDefined();
  expect([...first.storage.dense, ...again.storage.dense]).toEqual([]);
});
