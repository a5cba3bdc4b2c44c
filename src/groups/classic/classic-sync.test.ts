import { describe, expect, test } from "vitest";
import { bytes, GroupDriver } from "../../../test/support/group-driver.ts";

/** Two members between the join phase and the assignments. */
function awaitingAssignments(): { driver: GroupDriver; leader: string; follower: string } {
  const driver = new GroupDriver();
  const [leader = "", follower = ""] = driver.stabilize("a", "b");
  driver.join({ memberId: leader });
  driver.join({ memberId: follower });
  expect(driver.group.phase).toBe("CompletingRebalance");
  return { driver, leader, follower };
}

const plan = (memberId: string): { memberId: string; assignment: Uint8Array }[] => [
  { memberId, assignment: bytes(`for ${memberId}`) },
];

describe("SyncGroup", () => {
  test("of a follower waits for the leader's, which answers all", () => {
    const { driver, leader, follower } = awaitingAssignments();
    const first = driver.sync({ memberId: follower, generation: 3 });
    expect(driver.isAnswered(first)).toBe(false);
    const assignments = [...plan(leader), ...plan(follower)];
    const second = driver.sync({ memberId: leader, generation: 3, assignments });
    expect(driver.synced(first)).toEqual({
      error: null,
      protocolType: "consumer",
      protocolName: "range",
      assignment: bytes(`for ${follower}`),
    });
    expect(driver.synced(second).assignment).toEqual(bytes(`for ${leader}`));
    expect(driver.group.phase).toBe("Stable");
  });

  test("is answered only when the assignments are stored", () => {
    const { driver, leader } = awaitingAssignments();
    driver.writesAtOnce = false;
    const call = driver.sync({ memberId: leader, generation: 3, assignments: plan(leader) });
    expect(driver.isAnswered(call)).toBe(false);
    expect(driver.group.phase).toBe("CompletingRebalance");
    driver.finishWrites();
    expect(driver.synced(call).error).toBeNull();
    expect(driver.images.at(-1)?.members[0]?.assignment).toEqual(bytes(`for ${leader}`));
  });

  test("gives empty bytes to members that the leader left out", () => {
    const { driver, leader, follower } = awaitingAssignments();
    const call = driver.sync({ memberId: follower, generation: 3 });
    driver.sync({ memberId: leader, generation: 3, assignments: plan(leader) });
    expect(driver.synced(call)).toMatchObject({ error: null, assignment: new Uint8Array(0) });
  });

  test("tells all of a failed write, and the group starts over", () => {
    const { driver, leader, follower } = awaitingAssignments();
    driver.writesAtOnce = false;
    const first = driver.sync({ memberId: follower, generation: 3 });
    const second = driver.sync({ memberId: leader, generation: 3, assignments: plan(leader) });
    driver.finishWrites("NOT_COORDINATOR");
    expect(driver.synced(first).error).toBe("NOT_COORDINATOR");
    expect(driver.synced(second).error).toBe("NOT_COORDINATOR");
    expect(driver.group.phase).toBe("PreparingRebalance");
  });

  test("that was overtaken by a rebalance changes nothing when its write comes back", () => {
    const { driver, leader } = awaitingAssignments();
    driver.writesAtOnce = false;
    const call = driver.sync({ memberId: leader, generation: 3, assignments: plan(leader) });
    driver.join();
    expect(driver.synced(call).error).toBe("REBALANCE_IN_PROGRESS");
    driver.finishWrites();
    expect(driver.group.phase).toBe("PreparingRebalance");
  });

  test("whose write comes back in a later generation changes nothing", () => {
    const { driver, leader, follower } = awaitingAssignments();
    driver.writesAtOnce = false;
    driver.sync({ memberId: leader, generation: 3, assignments: plan(leader) });
    const other = { protocols: [{ name: "range", metadata: bytes("more") }] };
    driver.join({ memberId: leader, ...other });
    driver.join({ memberId: follower });
    const call = driver.sync({ memberId: follower, generation: 4 });
    driver.finishWrites();
    expect(driver.isAnswered(call)).toBe(false);
    expect(driver.group.phase).toBe("CompletingRebalance");
  });

  test("of a stable group is answered at once", () => {
    const driver = new GroupDriver();
    const [, follower = ""] = driver.stabilize("a", "b");
    const call = driver.sync({ memberId: follower, generation: 2 });
    expect(driver.synced(call).assignment).toEqual(bytes(follower));
  });

  test("while the group prepares is told of the rebalance", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    driver.join({ memberId: leader });
    const call = driver.sync({ memberId: follower, generation: 2 });
    expect(driver.synced(call).error).toBe("REBALANCE_IN_PROGRESS");
  });

  test("that waits when a rebalance starts is told of it", () => {
    const { driver, follower } = awaitingAssignments();
    const call = driver.sync({ memberId: follower, generation: 3 });
    driver.join();
    expect(driver.synced(call).error).toBe("REBALANCE_IN_PROGRESS");
  });

  test("twice at a time has its first call answered: one waits", () => {
    const { driver, follower } = awaitingAssignments();
    const first = driver.sync({ memberId: follower, generation: 3 });
    const second = driver.sync({ memberId: follower, generation: 3 });
    expect(driver.synced(first).error).toBe("REBALANCE_IN_PROGRESS");
    expect(driver.isAnswered(second)).toBe(false);
  });

  test("of an empty group is from an unknown member", () => {
    const driver = new GroupDriver();
    expect(driver.synced(driver.sync({ memberId: "x" })).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test.each([
    ["an unknown member", { memberId: "x", generation: 2 }, "UNKNOWN_MEMBER_ID"],
    ["an unknown instance", { instanceId: "x", generation: 2 }, "UNKNOWN_MEMBER_ID"],
    ["another generation", { generation: 1 }, "ILLEGAL_GENERATION"],
    ["another type", { generation: 2, protocolType: "connect" }, "INCONSISTENT_GROUP_PROTOCOL"],
    ["another protocol", { generation: 2, protocolName: "x" }, "INCONSISTENT_GROUP_PROTOCOL"],
  ] as const)("with %s is refused", (_, request, error) => {
    const driver = new GroupDriver();
    const [memberId = ""] = driver.stabilize("a", "b");
    expect(driver.synced(driver.sync({ memberId, ...request })).error).toBe(error);
  });

  test("with the group's own type and protocol is accepted", () => {
    const driver = new GroupDriver();
    const [memberId = ""] = driver.stabilize("a");
    const named = { protocolType: "consumer", protocolName: "range" };
    const call = driver.sync({ memberId, generation: 1, ...named });
    expect(driver.synced(call).error).toBeNull();
  });
});

describe("a member that waited for assignments past its session timeout", () => {
  const patient = { sessionTimeoutMs: 40_000 };

  function waitLong(): { driver: GroupDriver; leader: string; follower: string } {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilizeAll([patient, {}]);
    driver.join({ ...patient, memberId: leader });
    driver.join({ memberId: follower });
    driver.sync({ memberId: follower, generation: 3 });
    driver.advance(30_000);
    return { driver, leader, follower };
  }

  test("is timed again once it has them", () => {
    const { driver, leader, follower } = waitLong();
    driver.sync({ memberId: leader, generation: 3, assignments: plan(leader) });
    driver.advance(9_999);
    expect(driver.group.phase).toBe("Stable");
    driver.advance(1);
    expect(driver.heartbeat(follower, 3)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("is timed again once it is told of a rebalance", () => {
    const { driver, leader, follower } = waitLong();
    driver.heartbeat(leader, 3);
    driver.join({ requiresKnownMemberId: true });
    driver.join();
    driver.advance(10_000);
    expect(driver.heartbeat(leader, 3)).toBe("REBALANCE_IN_PROGRESS");
    expect(driver.heartbeat(follower, 3)).toBe("UNKNOWN_MEMBER_ID");
  });
});

describe("members that never send their SyncGroup", () => {
  test("are removed after the rebalance timeout, and the others start over", () => {
    const driver = new GroupDriver();
    const terms = { rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 30_000 };
    const [leader = "", follower = ""] = driver.stabilizeAll([terms, terms]);
    driver.join({ ...terms, memberId: leader });
    driver.join({ ...terms, memberId: follower });
    const call = driver.sync({ memberId: follower, generation: 3 });
    driver.advance(5_000);
    expect(driver.synced(call).error).toBe("REBALANCE_IN_PROGRESS");
    expect(driver.group.describe().members.map(({ memberId }) => memberId)).toEqual([follower]);
  });

  test("are removed from a group that is stable already", () => {
    const driver = new GroupDriver();
    const terms = { rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 30_000 };
    const [leader = "", follower = ""] = driver.stabilizeAll([terms, terms]);
    driver.join({ ...terms, memberId: leader });
    driver.join({ ...terms, memberId: follower });
    driver.sync({ memberId: leader, generation: 3, assignments: plan(leader) });
    expect(driver.group.phase).toBe("Stable");
    driver.advance(5_000);
    expect(driver.group.phase).toBe("PreparingRebalance");
    expect(driver.heartbeat(follower, 3)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("that waits is refused when the coordinator closes", () => {
    const { driver, follower } = awaitingAssignments();
    const call = driver.sync({ memberId: follower, generation: 3 });
    driver.step({ kind: "close", error: "NOT_COORDINATOR" });
    expect(driver.synced(call).error).toBe("NOT_COORDINATOR");
    expect(driver.group.phase).toBe("Dead");
  });
});
