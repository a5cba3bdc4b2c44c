import { describe, expect, test } from "vitest";
import { ListedPartitions, openTopicRig } from "../../../test/support/topic-rig.ts";
import { formatUuid, makeUuid } from "../../base/uuid.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import type { NewTopic } from "./new-topic.ts";

const none = new Map<string, string>();
const asked = (name: string, more: Partial<NewTopic> = {}): NewTopic => ({
  name,
  partitions: 1,
  replicas: 1,
  configs: none,
  ...more,
});
const withConfigs = (name: string, configs: Record<string, string | null>): NewTopic =>
  asked(name, { configs: new Map(Object.entries(configs)) });

describe("creating a topic", () => {
  test("opens its partitions and makes it findable by name and by id", async () => {
    const { topics, storage } = await openTopicRig();
    const topic = await topics.create(asked("orders", { partitions: 3 }));
    expect(topics.find("orders")).toBe(topic);
    expect(topics.findById(topic.id)).toBe(topic);
    expect(storage.open).toEqual(["orders-0", "orders-1", "orders-2"]);
    expect(topic.partitions.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  test.each(["", ".", "..", "a b", "a/b", "é", "a".repeat(250)])(
    "by the name %j is refused: INVALID_TOPIC_EXCEPTION",
    async (name) => {
      const { topics } = await openTopicRig();
      await expect(topics.create(asked(name))).rejects.toMatchObject({
        code: "INVALID_TOPIC_EXCEPTION",
      });
    },
  );

  test("a name of 249 characters of all allowed kinds is fine", async () => {
    const { topics } = await openTopicRig();
    await topics.create(asked("aZ09._-".padEnd(249, "x")));
    expect(topics.size).toBe(1);
  });

  test("a name that differs from another only in . and _ is refused", async () => {
    const { topics } = await openTopicRig();
    await topics.create(asked("a.b_c"));
    await expect(topics.create(asked("a_b.c"))).rejects.toMatchObject({
      code: "INVALID_TOPIC_EXCEPTION",
      message: "Topic 'a_b.c' collides with existing topic: a.b_c",
    });
  });

  test("a name that exists is refused: TOPIC_ALREADY_EXISTS", async () => {
    const { topics } = await openTopicRig();
    await topics.create(asked("orders"));
    const again = topics.create(asked("orders"));
    await expect(again).rejects.toMatchObject({ code: "TOPIC_ALREADY_EXISTS" });
  });

  test("by the name of Kafka's metadata log is refused: INVALID_REQUEST", async () => {
    const { topics } = await openTopicRig();
    const metadata = topics.create(asked("__cluster_metadata"));
    await expect(metadata).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  test("of two that create one name at once, one wins and the other is told", async () => {
    const { topics } = await openTopicRig();
    const both = await Promise.allSettled([
      topics.create(asked("orders")),
      topics.create(asked("orders")),
    ]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(both[1]).toMatchObject({ reason: { code: "TOPIC_ALREADY_EXISTS" } });
  });

  test("of two colliding names created at once, one wins", async () => {
    const { topics } = await openTopicRig();
    const both = await Promise.allSettled([
      topics.create(asked("a.b")),
      topics.create(asked("a_b")),
    ]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(both[1]).toMatchObject({ reason: { code: "INVALID_TOPIC_EXCEPTION" } });
  });

  test("the name is checked before the configs, the configs before the partitions", async () => {
    const { topics } = await openTopicRig();
    const wrong = { partitions: 0, configs: new Map([["no.such.config", "1"]]) };
    const first = topics.create(asked("a b", wrong));
    await expect(first).rejects.toMatchObject({ code: "INVALID_TOPIC_EXCEPTION" });
    const second = topics.create(asked("a", wrong));
    await expect(second).rejects.toMatchObject({ code: "INVALID_CONFIG" });
    const third = topics.create(asked("a", { partitions: 0 }));
    await expect(third).rejects.toMatchObject({ code: "INVALID_PARTITIONS" });
  });

  test.each([
    [{ "no.such.config": "1" }, "Unknown topic config: no.such.config"],
    [{ "retention.ms": null }, "Null value not supported for topic configs: retention.ms"],
    [{ "retention.ms": "soon" }, 'Invalid value "soon" for retention.ms: must be a whole number'],
    [{ "remote.storage.enable": "true" }, "remote.storage.enable: there is no remote tier"],
    [
      { "min.compaction.lag.ms": "10", "max.compaction.lag.ms": "9" },
      "min.compaction.lag.ms (10) must not be above max.compaction.lag.ms (9)",
    ],
  ])("with configs %j is refused: INVALID_CONFIG", async (configs, message) => {
    const { topics } = await openTopicRig();
    const wrong = topics.create(withConfigs("orders", configs));
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_CONFIG", message });
  });

  test("its configs reach its partitions, parsed, over the node's defaults", async () => {
    const { topics, storage } = await openTopicRig({ "log.retention.bytes": "5" });
    await topics.create(withConfigs("orders", { "retention.ms": " 7 ", durability: "os" }));
    const settings = storage.settings.get("orders-0")!;
    expect(settings["retention.ms"]).toBe(7);
    expect(settings["retention.bytes"]).toBe(5);
    expect(settings.durability).toBe("os");
    expect(Object.fromEntries(topics.find("orders")!.configs)).toEqual({
      "retention.ms": "7",
      durability: "os",
    });
  });

  test("a partition that does not open leaves no topic, here or after a restart", async () => {
    const rig = await openTopicRig();
    rig.storage.failing = "orders-1";
    const failed = rig.topics.create(asked("orders", { partitions: 3 }));
    await expect(failed).rejects.toThrow("orders-1 does not open");
    expect(rig.topics.find("orders")).toBeUndefined();
    expect(rig.storage.open).toEqual([]);
    expect((await rig.restart()).topics.size).toBe(0);
    rig.storage.failing = undefined;
  });

  test("past topics.max is refused", async () => {
    const { topics } = await openTopicRig({ "topics.max": "1" });
    await topics.create(asked("a"));
    await expect(topics.create(asked("b"))).rejects.toMatchObject({ code: "POLICY_VIOLATION" });
  });

  test("past partitions.max is refused, until others go", async () => {
    const { topics } = await openTopicRig({ "partitions.max": "5" });
    await topics.create(asked("a", { partitions: 3 }));
    const both = [topics.create(asked("b", { partitions: 2 })), topics.create(asked("c"))];
    const settled = await Promise.allSettled(both);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    const refused = { code: "POLICY_VIOLATION" };
    await expect(topics.addPartitions("a", 4)).rejects.toMatchObject(refused);
    await topics.delete("b");
    await topics.addPartitions("a", 4);
    await topics.create(asked("c"));
  });

  test("that fails gives its partitions back to the count", async () => {
    const { topics, storage } = await openTopicRig({ "partitions.max": "2" });
    storage.failing = "a-1";
    const failing = topics.create(asked("a", { partitions: 2 }));
    await expect(failing).rejects.toThrow("a-1 does not open");
    storage.failing = undefined;
    await topics.create(asked("a", { partitions: 2 }));
  });

  test("topics that are made side by side stay within topics.max", async () => {
    const { topics } = await openTopicRig({ "topics.max": "2" });
    const names = ["a", "b", "c", "d", "e"];
    const made = await Promise.allSettled(names.map((name) => topics.create(asked(name))));
    expect(made.map(({ status }) => status).toSorted()).toEqual([
      ...Array.from({ length: 2 }, () => "fulfilled"),
      ...Array.from({ length: 3 }, () => "rejected"),
    ]);
    expect(topics.size).toBe(2);
  });

  test("more than 10,000 partitions at once are refused, however they are asked for", async () => {
    const { topics } = await openTopicRig();
    const refused = { code: "POLICY_VIOLATION" };
    await expect(topics.create(asked("a", { partitions: 10_001 }))).rejects.toMatchObject(refused);
    await topics.create(asked("a"));
    await expect(topics.addPartitions("a", 2 ** 31 - 1)).rejects.toMatchObject(refused);
  });
});

describe("topics on demand", () => {
  test("take the node's partitions, and creation at once makes one", async () => {
    const { topics } = await openTopicRig({ "num.partitions": "4" });
    const [one, other] = await Promise.all([topics.autoCreate("a"), topics.autoCreate("a")]);
    expect(one).toBe(other);
    expect(one.partitions.length).toBe(4);
  });

  test("that cannot be made are a log line, not a failure of the asker", async () => {
    const { topics, storage, lines } = await openTopicRig();
    storage.failing = "a-0";
    topics.startAutoCreate("a");
    await expect.poll(() => lines).toContain("topic was not created on demand");
    expect(topics.find("a")).toBeUndefined();
  });

  test("with an invalid name are refused at once", async () => {
    const { topics } = await openTopicRig();
    expect(() => topics.startAutoCreate("a b")).toThrow(/invalid/);
  });

  test("internal topics are compacted and flushed, with their own partitions", async () => {
    const { topics } = await openTopicRig({ "log.durability": "os" });
    const topic = await topics.autoCreate("__consumer_offsets");
    expect(topic).toMatchObject({ isInternal: true });
    expect(topic.partitions.length).toBe(50);
    expect(topic.settings["cleanup.policy"]).toEqual(["compact"]);
    expect(topic.settings["segment.bytes"]).toBe(104_857_600);
    expect(topic.settings.durability).toBe("fsync");
    expect(await topics.ensureInternal("__consumer_offsets")).toBe(topic);
  });

  test("no other name is internal", async () => {
    const { topics } = await openTopicRig();
    await expect(topics.ensureInternal("orders")).rejects.toThrow("orders is no internal topic");
  });
});

describe("deleting a topic", () => {
  test("takes it out of sight, tells the listeners, then removes its partitions", async () => {
    const { topics, storage } = await openTopicRig();
    const topic = await topics.create(asked("orders", { partitions: 2 }));
    const told: unknown[] = [];
    topics.onDeleted((gone) => told.push([gone.name, topics.find("orders"), storage.open.length]));
    await topics.delete("orders");
    expect(told).toEqual([["orders", undefined, 2]]);
    expect(topics.findById(topic.id)).toBeUndefined();
    expect(topics.list()).toEqual([]);
    expect(storage.open).toEqual([]);
  });

  test("that does not exist is refused: UNKNOWN_TOPIC_OR_PARTITION", async () => {
    const { topics } = await openTopicRig();
    const unknown = topics.delete("orders");
    await expect(unknown).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
  });

  test("frees its name for a topic with another id", async () => {
    const { topics } = await openTopicRig();
    const first = await topics.create(asked("orders"));
    const [, second] = await Promise.all([topics.delete("orders"), topics.create(asked("orders"))]);
    expect(formatUuid(second.id)).not.toBe(formatUuid(first.id));
    expect(topics.find("orders")).toBe(second);
  });

  test("files that could not be removed go at the next start, and nothing comes back", async () => {
    const rig = await openTopicRig();
    await rig.topics.create(asked("orders", { partitions: 2 }));
    rig.storage.failing = "remove orders-1";
    await rig.topics.delete("orders");
    expect(rig.lines).toContain("files of a deleted topic are still there");
    expect(rig.storage.found.length).toBe(1);
    const again = await rig.restart();
    expect(again.topics.size).toBe(0);
    expect(again.storage.found).toEqual([]);
    expect((await again.coordinator.read("deleted-topics/")).entries).toEqual([]);
  });

  test.each([true, false])(
    "files that do not say whose they are go as well, unless the name is taken: %s",
    async (isTaken) => {
      const rig = await openTopicRig();
      if (isTaken) await rig.topics.create(asked("orders"));
      const key = `deleted-topics/${formatUuid(makeUuid(new SeededRandom(5)))}`;
      await rig.coordinator.transact([], [{ key, value: "orders" }]);
      rig.storage.found.splice(0, 1, { topic: "orders", index: 0, topicId: undefined });
      const again = await rig.restart();
      expect(again.topics.size).toBe(isTaken ? 1 : 0);
      expect(again.storage.found.length).toBe(isTaken ? 1 : 0);
    },
  );
});

describe("adding partitions", () => {
  test("opens the new ones behind the old", async () => {
    const { topics, storage } = await openTopicRig();
    const topic = await topics.create(asked("orders", { partitions: 1 }));
    const [first] = topic.partitions;
    await topics.addPartitions("orders", 3);
    expect(topic.partitions.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(topic.partitions[0]).toBe(first);
    expect(storage.open).toEqual(["orders-0", "orders-1", "orders-2"]);
  });

  test("of an internal topic is refused: its keys lie where its partition count says", async () => {
    const { topics } = await openTopicRig();
    const { partitions } = await topics.ensureInternal("__consumer_offsets");
    const growth = topics.addPartitions("__consumer_offsets", partitions.length + 1);
    await expect(growth).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  test.each([2, 1, 0, -1])("from 2 to %i is refused: INVALID_PARTITIONS", async (count) => {
    const { topics } = await openTopicRig();
    await topics.create(asked("orders", { partitions: 2 }));
    const wrong = topics.addPartitions("orders", count);
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_PARTITIONS" });
  });

  test.each([
    ["too few", [[1]]],
    ["too many replicas", [[1], [1, 1]]],
    ["an unknown node", [[1], [9]]],
    ["an empty list", [[1], []]],
  ])("with assignments that have %s is refused", async (_, assignments) => {
    const { topics } = await openTopicRig();
    await topics.create(asked("orders"));
    const wrong = topics.addPartitions("orders", 3, { assignments });
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_REPLICA_ASSIGNMENT" });
  });

  test("only validated makes nothing", async () => {
    const { topics } = await openTopicRig();
    const topic = await topics.create(asked("orders"));
    await topics.addPartitions("orders", 3, { assignments: [[1], [1]], validateOnly: true });
    expect(topic.partitions.length).toBe(1);
  });

  test("that do not open leaves the topic as it was, after a restart too", async () => {
    const rig = await openTopicRig();
    await rig.topics.create(asked("orders"));
    rig.storage.failing = "orders-2";
    await expect(rig.topics.addPartitions("orders", 3)).rejects.toThrow("does not open");
    expect(rig.topics.find("orders")?.partitions.length).toBe(1);
    rig.storage.failing = undefined;
    expect((await rig.restart()).topics.find("orders")?.partitions.length).toBe(1);
  });
});

describe("after a restart", () => {
  test("topics have the same ids, partitions and configs", async () => {
    const rig = await openTopicRig();
    const before = await rig.topics.create(withConfigs("orders", { "retention.ms": "7" }));
    await rig.topics.addPartitions("orders", 5);
    const after = (await rig.restart()).topics.find("orders");
    expect(after).toMatchObject({ id: before.id, configs: before.configs });
    expect(after?.partitions.length).toBe(5);
    expect(after?.settings["retention.ms"]).toBe(7);
  });

  test("folders of a directory that Kafka wrote become topics under their ids", async () => {
    const rig = await openTopicRig();
    const id = makeUuid(new SeededRandom(5));
    rig.storage.found.push(
      { topic: "orders", index: 2, topicId: id },
      { topic: "orders", index: 0, topicId: undefined },
      { topic: "__consumer_offsets", index: 49, topicId: undefined },
      { topic: "__cluster_metadata", index: 0, topicId: undefined },
    );
    const { topics, lines } = await rig.restart();
    expect(topics.list().map(({ name }) => name)).toEqual(["__consumer_offsets", "orders"]);
    expect(topics.find("orders")?.id).toEqual(id);
    expect(topics.find("orders")?.partitions.length).toBe(3);
    expect(topics.find("__consumer_offsets")?.settings["cleanup.policy"]).toEqual(["compact"]);
    expect(lines).toContain("took over a topic found in the data directory");
    expect(lines).toContain("left a folder alone: it is no topic");
  });

  test("a partition that does not open refuses the start", async () => {
    const rig = await openTopicRig();
    await rig.topics.create(asked("orders"));
    const broken = new ListedPartitions(rig.storage.found);
    broken.failing = "orders-0";
    const { coordinator, configs, clock } = rig;
    const { Topics } = await import("./topics.ts");
    const { silentLog: log } = await import("../../base/log.ts");
    const random = new SeededRandom(1);
    const opening = Topics.open({ coordinator, configs, storage: broken, clock, random, log });
    await expect(opening).rejects.toThrow("orders-0 does not open");
  });
});
