import { describe, expect, test } from "vitest";
import { GroupBroker } from "../../../test/support/group-broker.ts";
import { bytes, protocol } from "../../../test/support/group-driver.ts";

describe("a group coordinator", () => {
  test("makes the offsets topic on first need", async () => {
    const node = await GroupBroker.open();
    expect(node.broker.topics.find("__consumer_offsets")).toBeUndefined();
    expect(await node.groups.partitionOf("group")).toBe(47);
    expect(node.broker.topics.find("__consumer_offsets")?.partitions).toHaveLength(50);
  });

  test("takes nobody in who waited for the offsets topic while it closed", async () => {
    const node = await GroupBroker.open();
    const refused = node.join("g").catch((error: unknown) => error);
    await node.groups.close();
    expect(await refused).toMatchObject({ code: "COORDINATOR_NOT_AVAILABLE" });
    expect(node.groupNames()).toEqual([]);
  });

  test("answers reads without that topic as if there were no groups", async () => {
    const { groups } = await GroupBroker.open();
    expect(groups.list()).toEqual({ error: null, groups: [] });
    expect(groups.describe("g")).toBeUndefined();
    expect(groups.fetchOffsets("g", null)).toEqual({ error: null, offsets: [] });
    expect(await groups.delete("g")).toBe("GROUP_ID_NOT_FOUND");
    const beat = { memberId: "m", instanceId: null, generation: 1 };
    expect(await groups.heartbeat("g", beat)).toBe("UNKNOWN_MEMBER_ID");
    expect((await groups.deleteOffsets("g", [])).error).toBe("GROUP_ID_NOT_FOUND");
    expect(await groups.leave("g", [beat])).toEqual({
      error: null,
      errors: ["UNKNOWN_MEMBER_ID"],
    });
  });

  test.each([5_999, 1_800_001])("refuses a session timeout of %i ms", async (sessionTimeoutMs) => {
    const node = await GroupBroker.open();
    const answer = await node.join("g", { sessionTimeoutMs });
    expect(answer.error).toBe("INVALID_SESSION_TIMEOUT");
  });

  test("refuses a member that says more of itself than group.member.max.bytes", async () => {
    const node = await GroupBroker.open({ "group.member.max.bytes": 100 });
    const large = { protocols: [protocol("range", "x".repeat(90))] };
    expect((await node.join("g", large)).error).toBe("INVALID_REQUEST");
    const named = await node.join("g", { instanceId: "i".repeat(100) });
    expect(named.error).toBe("INVALID_REQUEST");
    expect((await node.join("g")).error).toBeNull();
  });

  test("refuses an empty group id, but for offsets", async () => {
    const node = await GroupBroker.open();
    expect((await node.join("")).error).toBe("INVALID_GROUP_ID");
    const beat = { memberId: "m", instanceId: null, generation: 1 };
    expect(await node.groups.heartbeat("", beat)).toBe("INVALID_GROUP_ID");
    expect(await node.commit("", "orders", 1)).toBeNull();
    expect(node.offsets("")).toEqual(["orders-0@1"]);
  });

  test("refuses a member id in a group it does not know", async () => {
    const node = await GroupBroker.open();
    expect((await node.join("g", { memberId: "m" })).error).toBe("UNKNOWN_MEMBER_ID");
    expect(node.groupNames()).toEqual([]);
  });

  test("keeps no group for a join that was refused", async () => {
    const node = await GroupBroker.open();
    expect((await node.join("g", { protocols: [] })).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    expect(node.groupNames()).toEqual([]);
  });

  test("keeps the group of an id that it handed out", async () => {
    const node = await GroupBroker.open();
    const told = await node.join("g", { requiresKnownMemberId: true });
    expect(told.error).toBe("MEMBER_ID_REQUIRED");
    expect(told.memberId).toMatch(/^client-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const { error } = await node.join("g", { memberId: told.memberId });
    expect(error).toBeNull();
  });

  test("holds no more groups than groups.max", async () => {
    const node = await GroupBroker.open({ "groups.max": 1 });
    await node.stabilize("one");
    expect((await node.join("two")).error).toBe("GROUP_MAX_SIZE_REACHED");
    expect(await node.commit("three", "orders", 1)).toBe("GROUP_MAX_SIZE_REACHED");
    expect(await node.commit("one", "orders", 1)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("removes a member that is silent for its session timeout", async () => {
    const node = await GroupBroker.open();
    const memberId = await node.stabilize("g");
    const beat = { memberId, instanceId: null, generation: 1 };
    await node.advance("9s");
    expect(await node.groups.heartbeat("g", beat)).toBeNull();
    await node.advance("9s");
    expect(await node.groups.heartbeat("g", beat)).toBeNull();
    await node.advance("10s");
    expect(await node.groups.heartbeat("g", beat)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("ends a join phase when the rebalance timeout is over", async () => {
    const node = await GroupBroker.open();
    await node.stabilize("g", { sessionTimeoutMs: 300_000 });
    const second = node.join("g", { rebalanceTimeoutMs: 1_000 });
    await node.advance("60s");
    expect(await second).toMatchObject({ generation: 2, error: null });
  });

  test("answers every waiting call when it stops, and refuses what comes later", async () => {
    const node = await GroupBroker.open();
    await node.stabilize("g");
    const waiting = node.join("g");
    await node.settle();
    await node.stop();
    expect((await waiting).error).toBe("NOT_COORDINATOR");
    expect(node.groups.list().error).toBe("COORDINATOR_NOT_AVAILABLE");
    await expect(node.join("g")).rejects.toMatchObject({ code: "COORDINATOR_NOT_AVAILABLE" });
  });
});

describe("after a restart", () => {
  test.each(["stop", "crash"])("(%s) a group resumes with its members", async (how) => {
    const before = await GroupBroker.open();
    const memberId = await before.stabilize("g", { instanceId: "i" });
    const described = before.groups.describe("g");
    const after = how === "stop" ? await before.restart() : await before.reopen();
    expect(after.groups.describe("g")).toEqual(described);
    const names = { instanceId: "i", protocolType: "consumer", protocolName: "range" };
    const sync = { memberId, generation: 1, assignments: [], ...names };
    expect((await after.groups.sync("g", sync)).assignment).toEqual(bytes("mine"));
  });

  test("members have a whole session timeout to be heard of", async () => {
    const before = await GroupBroker.open();
    const memberId = await before.stabilize("g");
    await before.advance("9s");
    const after = await before.restart();
    const beat = { memberId, instanceId: null, generation: 1 };
    await after.advance("9s");
    expect(await after.groups.heartbeat("g", beat)).toBeNull();
    await after.advance("10s");
    expect(after.groups.describe("g")).toMatchObject({ phase: "Empty" });
  });

  test("offsets are there", async () => {
    const before = await GroupBroker.open();
    await before.commit("g", "orders", 7, { metadata: "m", leaderEpoch: 3, partition: 2 });
    await before.commit("g", "orders", 8, { partition: 1 });
    await before.commit("g", "orders", 9, { partition: 1 });
    await before.commit("other", "orders", 1);
    const after = await before.restart();
    expect(after.groups.fetchOffsets("g", [{ topic: "orders", partition: 2 }]).offsets).toEqual([
      { topic: "orders", partition: 2, offset: 7, leaderEpoch: 3, metadata: "m" },
    ]);
    expect(after.offsets("g")).toEqual(["orders-1@9", "orders-2@7"]);
    expect(after.groupNames()).toEqual(["g", "other"]);
  });

  test("deleted groups and offsets stay deleted", async () => {
    const before = await GroupBroker.open();
    await before.commit("g", "orders", 7);
    await before.commit("h", "orders", 7);
    await before.commit("h", "payments", 7);
    await before.groups.delete("g");
    await before.groups.deleteOffsets("h", [{ topic: "orders", partition: 0 }]);
    const after = await before.restart();
    expect(after.groupNames()).toEqual(["h"]);
    expect(after.offsets("g")).toEqual([]);
    expect(after.offsets("h")).toEqual(["payments-0@7"]);
  });

  test("requests are told to wait until the groups are loaded; heartbeats are fine", async () => {
    const before = await GroupBroker.open();
    const memberId = await before.stabilize("g");
    await before.stop();
    const after = await GroupBroker.open({}, before.clock, before.disk);
    const { groups } = after;
    expect(groups.describe("g")).toEqual({ error: "COORDINATOR_LOAD_IN_PROGRESS" });
    expect(groups.list().error).toBe("COORDINATOR_LOAD_IN_PROGRESS");
    expect(groups.fetchOffsets("g", null).error).toBe("COORDINATOR_LOAD_IN_PROGRESS");
    const beat = { memberId, instanceId: null, generation: 1 };
    expect(await groups.heartbeat("g", beat)).toBeNull();
    await groups.loading().done;
    expect(groups.describe("g")).toMatchObject({ phase: "Stable" });
  });

  test("opaque protocols of other programs come back byte for byte", async () => {
    const before = await GroupBroker.open();
    const protocols = [protocol("sessioned", "\u0000\u0001 opaque")];
    await before.stabilize("connect-cluster", { protocolType: "connect", protocols });
    const described = before.groups.describe("connect-cluster");
    const after = await before.restart();
    expect(after.groups.describe("connect-cluster")).toEqual(described);
  });
});
