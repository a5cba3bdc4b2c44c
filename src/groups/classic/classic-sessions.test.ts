import { describe, expect, test } from "vitest";
import { GroupDriver } from "../../../test/support/group-driver.ts";

describe("Heartbeat", () => {
  test("of a member of the current generation is fine", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a");
    expect(driver.heartbeat(leader, 1)).toBeNull();
  });

  test("before the assignments are there is fine", () => {
    const driver = new GroupDriver();
    const { memberId } = driver.joined(driver.join());
    expect(driver.heartbeat(memberId, 1)).toBeNull();
  });

  test("tells of a rebalance, and counts as heard", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    driver.join({ memberId: leader });
    for (let round = 0; round < 4; round++) {
      driver.advance(9_000);
      expect(driver.heartbeat(follower, 2)).toBe("REBALANCE_IN_PROGRESS");
    }
  });

  test("of another generation is refused", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a");
    expect(driver.heartbeat(leader, 0)).toBe("ILLEGAL_GENERATION");
    expect(driver.heartbeat(leader, 2)).toBe("ILLEGAL_GENERATION");
  });

  test("of somebody unknown is refused, in an empty group too", () => {
    const driver = new GroupDriver();
    expect(driver.heartbeat("x", 0)).toBe("UNKNOWN_MEMBER_ID");
    driver.stabilize("a");
    expect(driver.heartbeat("x", 1)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("of an unknown instance is refused before its member id is looked at", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a");
    expect(driver.heartbeat(leader, 1, "i")).toBe("UNKNOWN_MEMBER_ID");
  });
});

describe("a silent member", () => {
  test("is removed after its session timeout, and the others rebalance", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    driver.advance(6_000);
    driver.heartbeat(leader, 2);
    driver.advance(4_000);
    expect(driver.heartbeat(leader, 2)).toBe("REBALANCE_IN_PROGRESS");
    expect(driver.heartbeat(follower, 2)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("stays when its heartbeats come in time", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a");
    for (let round = 0; round < 5; round++) {
      driver.advance(9_999);
      expect(driver.heartbeat(leader, 1)).toBeNull();
    }
  });

  test("that was the last one leaves the group empty", () => {
    const driver = new GroupDriver();
    driver.stabilize("a");
    driver.advance(10_000);
    expect(driver.group.phase).toBe("Empty");
    expect(driver.images.at(-1)?.members).toEqual([]);
  });

  test("does not expire while its JoinGroup waits", () => {
    const driver = new GroupDriver();
    const terms = { rebalanceTimeoutMs: 600_000 };
    const patient = { ...terms, sessionTimeoutMs: 500_000 };
    const [leader = ""] = driver.stabilizeAll([terms, patient]);
    const call = driver.join({ ...terms, memberId: leader });
    driver.advance(400_000);
    expect(driver.isAnswered(call)).toBe(false);
    expect(driver.group.memberCount).toBe(2);
  });

  test("does not expire while its SyncGroup waits", () => {
    const driver = new GroupDriver();
    const slow = { sessionTimeoutMs: 40_000 };
    const [leader = "", follower = ""] = driver.stabilizeAll([slow, {}]);
    driver.join({ ...slow, memberId: leader });
    driver.join({ memberId: follower });
    const call = driver.sync({ memberId: follower, generation: 3 });
    driver.advance(30_000);
    expect(driver.isAnswered(call)).toBe(false);
    expect(driver.group.memberCount).toBe(2);
  });

  test("that is new may wait in its first JoinGroup for five minutes, no longer", () => {
    const driver = new GroupDriver();
    const terms = { rebalanceTimeoutMs: 600_000, sessionTimeoutMs: 600_000 };
    driver.stabilizeAll([terms]);
    const call = driver.join(terms);
    driver.advance(299_999);
    expect(driver.isAnswered(call)).toBe(false);
    driver.advance(1);
    expect(driver.joined(call)).toMatchObject({ error: "UNKNOWN_MEMBER_ID", memberId: "" });
    expect(driver.group.memberCount).toBe(1);
  });
});

describe("LeaveGroup", () => {
  test("by member id starts a rebalance of those who stay", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    expect(driver.leave({ memberId: follower, instanceId: null })).toEqual({
      error: null,
      errors: [null],
    });
    expect(driver.heartbeat(leader, 2)).toBe("REBALANCE_IN_PROGRESS");
  });

  test("by instance id alone removes a static member", () => {
    const driver = new GroupDriver();
    driver.stabilizeAll([{ instanceId: "i" }]);
    expect(driver.leave({ memberId: "", instanceId: "i" }).errors).toEqual([null]);
    expect(driver.group.phase).toBe("Empty");
  });

  test("of several answers each", () => {
    const driver = new GroupDriver();
    const [still = "", other = ""] = driver.stabilizeAll([{ instanceId: "i" }, {}]);
    const { errors } = driver.leave(
      { memberId: "x", instanceId: null },
      { memberId: "", instanceId: "x" },
      { memberId: "", instanceId: null },
      { memberId: other, instanceId: "i" },
      { memberId: still, instanceId: "i" },
    );
    const unknown = "UNKNOWN_MEMBER_ID";
    expect(errors).toEqual([unknown, unknown, unknown, "FENCED_INSTANCE_ID", null]);
  });

  test("of nobody known leaves the group alone", () => {
    const driver = new GroupDriver();
    driver.stabilize("a");
    driver.leave({ memberId: "x", instanceId: null });
    expect(driver.group.phase).toBe("Stable");
  });

  test("completes a rebalance that waited for who left", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    const call = driver.join({ memberId: leader });
    driver.leave({ memberId: follower, instanceId: null });
    expect(driver.joined(call)).toMatchObject({ generation: 3, error: null });
  });

  test("answers the JoinGroup of who left", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a", "b");
    const call = driver.join({ memberId: leader });
    driver.leave({ memberId: leader, instanceId: null });
    expect(driver.joined(call).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test("of the leader makes another member lead", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    driver.leave({ memberId: leader, instanceId: null });
    expect(driver.joined(driver.join({ memberId: follower })).leader).toBe(follower);
  });

  test("of the last member is answered when the empty group is stored", () => {
    const driver = new GroupDriver();
    const [only = ""] = driver.stabilize("a");
    driver.writesAtOnce = false;
    const call = driver.leaveCall({ memberId: only, instanceId: null });
    expect(driver.isAnswered(call)).toBe(false);
    driver.finishWrites();
    expect(driver.isAnswered(call)).toBe(true);
  });
});

describe("a group that is closed", () => {
  test("answers every waiting call with the error, and refuses later ones", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a", "b");
    const waiting = driver.join({ memberId: leader });
    driver.step({ kind: "close", error: "NOT_COORDINATOR" });
    expect(driver.joined(waiting).error).toBe("NOT_COORDINATOR");
    expect(driver.joined(driver.join()).error).toBe("COORDINATOR_NOT_AVAILABLE");
    expect(driver.heartbeat(leader, 2)).toBe("COORDINATOR_NOT_AVAILABLE");
    const call = driver.sync({ memberId: leader, generation: 2 });
    expect(driver.synced(call).error).toBe("COORDINATOR_NOT_AVAILABLE");
    expect(driver.leave().error).toBe("COORDINATOR_NOT_AVAILABLE");
    expect(driver.unansweredCount).toBe(0);
  });
});
