import { describe, expect, test } from "vitest";
import { GroupBroker } from "../../../test/support/group-broker.ts";
import { joining } from "../../../test/support/consumer-group-driver.ts";
import type { ConsumerHeartbeat } from "../../groups/consumer/consumer-events.ts";
import { groupKey } from "../configs/config-store.ts";

const unchanged: ConsumerHeartbeat = {
  memberId: "x",
  memberEpoch: 0,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: -1,
  subscribedTopics: null,
  serverAssignor: null,
  ownedPartitions: null,
  clientId: "client",
  clientHost: "/127.0.0.1",
};

const beat = (node: GroupBroker, request: Partial<ConsumerHeartbeat>, group = "g") =>
  node.groups.consumerHeartbeat(group, { ...unchanged, ...request });

async function open(settings = {}): Promise<GroupBroker> {
  const node = await GroupBroker.open(settings);
  await node.createTopic("orders", 2);
  return node;
}

async function joined(settings = {}): Promise<GroupBroker> {
  const node = await open(settings);
  expect((await beat(node, joining("x", ["orders"]))).error).toBeNull();
  return node;
}

const committer = { memberId: "x", instanceId: null, generation: 1 };

describe("a server-assigned group of a coordinator", () => {
  test("is there after a restart, as it was", async () => {
    const before = await joined();
    const described = before.groups.describe("g");
    expect(described).toMatchObject({ kind: "consumer", phase: "Stable", epoch: 1 });
    for (const how of ["restart", "reopen"] as const) {
      const after = await before[how]();
      expect(after.groups.describe("g")).toMatchObject(described as object);
      expect((await beat(after, { memberEpoch: 1 })).error).toBeNull();
    }
  });

  test("is listed with its type", async () => {
    const node = await joined();
    expect(node.groups.list().groups).toEqual([
      { group: "g", protocolType: "consumer", state: "Stable", type: "consumer" },
    ]);
  });

  test("is not made by who does not join", async () => {
    const node = await open();
    expect((await beat(node, { memberEpoch: 1 })).error).toBe("GROUP_ID_NOT_FOUND");
    const bad = joining("x", ["orders"], { rebalanceTimeoutMs: -1 });
    expect((await beat(node, bad)).error).toBe("INVALID_REQUEST");
    expect((await beat(node, joining("x", ["orders"]), "")).error).toBe("INVALID_REQUEST");
    expect(node.groupNames()).toEqual([]);
  });

  test("counts against groups.max, and its members against group.consumer.max.size", async () => {
    const node = await joined({ "groups.max": 1, "group.consumer.max.size": 1 });
    const full = "GROUP_MAX_SIZE_REACHED";
    expect((await beat(node, joining("x", ["orders"]), "other")).error).toBe(full);
    expect((await beat(node, joining("y", ["orders"]))).error).toBe(full);
  });

  test("removes the silent after its own session timeout", async () => {
    const node = await joined();
    await node.broker.configs.store.update(
      groupKey("g"),
      () => new Map([["consumer.session.timeout.ms", "7000"]]),
    );
    await beat(node, { memberEpoch: 1 });
    await node.advance("6999ms");
    expect(node.groups.describe("g")).toMatchObject({ phase: "Stable" });
    await node.advance("1ms");
    expect(node.groups.describe("g")).toMatchObject({ phase: "Empty", epoch: 2 });
  });

  test("takes commits of its members by their epochs", async () => {
    const node = await joined();
    expect(await node.commit("g", "orders", 7, { committer })).toBeNull();
    const ahead = { ...committer, generation: 2 };
    expect(await node.commit("g", "orders", 8, { committer: ahead })).toBe("STALE_MEMBER_EPOCH");
    expect(await node.commit("g", "orders", 8)).toBe("UNKNOWN_MEMBER_ID");
    expect(node.offsets("g")).toEqual(["orders-0@7"]);
  });

  test("keeps offsets of topics that its members read, and lets go of others", async () => {
    const node = await joined();
    await node.commit("g", "orders", 7, { committer });
    await node.commit("g", "payments", 7, { committer });
    const wanted = ["orders", "payments"].map((topic) => ({ topic, partition: 0 }));
    const { errors } = await node.groups.deleteOffsets("g", wanted);
    expect(errors).toEqual(["GROUP_SUBSCRIBED_TO_TOPIC", null]);
    expect(node.offsets("g")).toEqual(["orders-0@7"]);
  });

  test("goes by name when it is empty, with all its records", async () => {
    const node = await joined();
    await node.commit("g", "orders", 7, { committer });
    expect(await node.groups.delete("g")).toBe("NON_EMPTY_GROUP");
    await beat(node, { memberEpoch: -1 });
    expect(await node.groups.delete("g")).toBeNull();
    const after = await node.restart();
    expect([after.groupNames(), after.offsets("g")]).toEqual([[], []]);
  });

  test("goes by itself when it is empty and its offsets have expired", async () => {
    const node = await joined({ "offsets.retention.minutes": 60 });
    await node.commit("g", "orders", 7, { committer });
    await beat(node, { memberEpoch: -1 });
    await node.advance("2h");
    expect(node.groupNames()).toEqual([]);
    expect((await node.restart()).groupNames()).toEqual([]);
  });

  test("tells listeners of its changes", async () => {
    const node = await joined();
    let changes = 0;
    const stop = node.groups.onChange("g", () => changes++);
    await beat(node, { memberEpoch: 1 });
    expect(changes).toBe(0);
    await beat(node, joining("y", ["orders"]));
    expect(changes).toBe(1);
    stop();
    await beat(node, { memberEpoch: -1 });
    expect(changes).toBe(1);
  });
});

describe("a group is of one kind", () => {
  test("while it has members", async () => {
    const node = await joined();
    expect((await node.join("g")).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    const classic = { memberId: "x", instanceId: null, generation: 1 };
    expect(await node.groups.heartbeat("g", classic)).toBe("UNKNOWN_MEMBER_ID");
    await node.stabilize("classic");
    const refused = await beat(node, joining("x", ["orders"]), "classic");
    expect(refused.error).toBe("GROUP_ID_NOT_FOUND");
  });

  test("and becomes the other with its next member, offsets and all", async () => {
    const node = await joined();
    await node.commit("g", "orders", 7, { committer });
    await beat(node, { memberEpoch: -1 });
    const memberId = await node.stabilize("g");
    expect(node.groups.describe("g")).toMatchObject({ kind: "classic", phase: "Stable" });
    const asClassic = await node.restart();
    expect(asClassic.groups.describe("g")).toMatchObject({ kind: "classic", phase: "Stable" });
    expect(asClassic.offsets("g")).toEqual(["orders-0@7"]);
    await asClassic.groups.leave("g", [{ memberId, instanceId: null }]);
    expect((await beat(asClassic, joining("x", ["orders"]))).error).toBeNull();
    const asConsumer = await asClassic.restart();
    expect(asConsumer.groups.describe("g")).toMatchObject({ kind: "consumer", phase: "Stable" });
    expect(asConsumer.offsets("g")).toEqual(["orders-0@7"]);
  });

  test("one that only holds offsets is of none", async () => {
    const node = await open();
    await node.commit("g", "orders", 7);
    expect((await beat(node, joining("x", ["orders"]))).error).toBeNull();
    expect(node.offsets("g")).toEqual(["orders-0@7"]);
  });
});
