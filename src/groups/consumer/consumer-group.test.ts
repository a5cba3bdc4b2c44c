import { describe, expect, test } from "vitest";
import { ConsumerGroupDriver, joining } from "../../../test/support/consumer-group-driver.ts";
import type { Assignment } from "./consumer-events.ts";

const open = (more = {}) => new ConsumerGroupDriver({ topics: { a: 4, b: 2 }, ...more });
const nothing: Assignment = new Map();

/** Two stable members that share topic "a": the first has partitions 0 and 1. */
function pair(driver = open()): ConsumerGroupDriver {
  const { assignment } = driver.join("x", ["a"]);
  driver.join("y", ["a"]);
  const kept = new Map([...(assignment ?? [])].map(([id, some]) => [id, some.slice(0, 2)]));
  driver.ask({ memberId: "x", memberEpoch: 1, ownedPartitions: assignment });
  driver.ask({ memberId: "x", memberEpoch: 1, ownedPartitions: kept });
  driver.ask({ memberId: "y", memberEpoch: 2 });
  expect(driver.group.phase).toBe("Stable");
  return driver;
}

describe("a member that joins", () => {
  test("gets the target's epoch, its assignment and the time of its heartbeats", () => {
    const driver = open();
    const answer = driver.join("x", ["a", "b"]);
    expect(answer).toMatchObject({ error: null, memberEpoch: 1, heartbeatIntervalMs: 5_000 });
    expect(driver.names(answer.assignment)).toEqual(["a-0", "a-1", "a-2", "a-3", "b-0", "b-1"]);
    expect(driver.group.phase).toBe("Stable");
  });

  test("is told no assignment again while nothing changes, unless it says all of itself", () => {
    const driver = open();
    const { assignment: ownedPartitions } = driver.join("x", ["a"]);
    const own = { memberId: "x", memberEpoch: 1, ownedPartitions };
    expect(driver.ask(own).assignment).toBeNull();
    const all = { ...own, subscribedTopics: ["a"], rebalanceTimeoutMs: 60_000 };
    expect(driver.names(driver.ask(all).assignment)).toHaveLength(4);
  });

  test("waits for partitions until who has them has given them up", () => {
    const driver = open();
    const { assignment } = driver.join("x", ["a"]);
    const second = driver.join("y", ["a"]);
    expect(second).toMatchObject({ memberEpoch: 2 });
    expect(driver.names(second.assignment)).toEqual([]);
    const owned = { memberId: "x", memberEpoch: 1, ownedPartitions: assignment };
    const told = driver.ask(owned);
    expect([told.memberEpoch, driver.names(told.assignment)]).toEqual([1, ["a-0", "a-1"]]);
    expect(driver.ask({ memberId: "y", memberEpoch: 2 }).assignment).toBeNull();
    const done = driver.ask({ ...owned, ownedPartitions: told.assignment });
    expect(done).toMatchObject({ memberEpoch: 2, assignment: null });
    const free = driver.ask({ memberId: "y", memberEpoch: 2 });
    expect(driver.names(free.assignment)).toEqual(["a-2", "a-3"]);
    expect(driver.group.phase).toBe("Stable");
  });

  test("is answered when what it is told is stored", () => {
    const driver = open();
    driver.writesAtOnce = false;
    const call = driver.beat(joining("x", ["a"]));
    expect(driver.answerTo(call)).toBeUndefined();
    driver.finishWrites();
    expect(driver.answerTo(call)?.error).toBeNull();
  });

  test("is refused when its record can not be stored, and may try again", () => {
    const driver = open();
    driver.writesAtOnce = false;
    const call = driver.beat(joining("x", ["a"]));
    driver.finishWrites("NOT_COORDINATOR");
    expect(driver.answerTo(call)?.error).toBe("NOT_COORDINATOR");
    const again = driver.beat(joining("x", ["a"]));
    driver.finishWrites();
    expect(driver.answerTo(again)).toMatchObject({ error: null, memberEpoch: 1 });
    driver.restart();
    expect(driver.group.find("x")?.epoch).toBe(1);
  });

  test("what nobody waits for and can not be stored is tried again after a while", () => {
    const driver = open({ assignmentIntervalMs: 1_000 });
    driver.join("x", ["a"]);
    driver.join("y", ["a"]);
    driver.writesAtOnce = false;
    driver.advance(1_000);
    expect(driver.unwrittenCount).toBe(1);
    for (let round = 0; round < 3; round += 1) {
      driver.finishWrites("NOT_COORDINATOR");
      expect([driver.unwrittenCount, driver.group.isIdle]).toEqual([0, false]);
      driver.advance(999);
      expect(driver.unwrittenCount).toBe(0);
      driver.advance(1);
      expect(driver.unwrittenCount).toBe(1);
    }
    driver.finishWrites();
    driver.writesAtOnce = true;
    expect(driver.ask({ memberId: "y", memberEpoch: 1 })).toMatchObject({ error: null });
  });

  test("soon after another one waits for the next target", () => {
    const driver = open({ assignmentIntervalMs: 1_000 });
    driver.join("x", ["a"]);
    expect(driver.join("y", ["a"])).toMatchObject({ memberEpoch: 1 });
    expect(driver.group.phase).toBe("Assigning");
    driver.advance(1_000);
    expect(driver.group.phase).toBe("Reconciling");
    expect(driver.ask({ memberId: "y", memberEpoch: 1 }).memberEpoch).toBe(2);
  });

  test.each([
    [{ memberId: "" }, "INVALID_REQUEST"],
    [{ instanceId: "" }, "INVALID_REQUEST"],
    [{ rackId: "" }, "INVALID_REQUEST"],
    [{ rebalanceTimeoutMs: -1 }, "INVALID_REQUEST"],
    [{ subscribedTopics: null }, "INVALID_REQUEST"],
    [{ ownedPartitions: null }, "INVALID_REQUEST"],
    [{ ownedPartitions: new Map([["t", [0]]]) }, "INVALID_REQUEST"],
    [{ memberEpoch: -3 }, "INVALID_REQUEST"],
    [{ memberEpoch: -2 }, "INVALID_REQUEST"],
    [{ serverAssignor: "best" }, "UNSUPPORTED_ASSIGNOR"],
    [{ memberEpoch: 1 }, "UNKNOWN_MEMBER_ID"],
    [{ memberEpoch: -1 }, "UNKNOWN_MEMBER_ID"],
  ])("with %j is refused: %s", (more, error) => {
    const driver = open();
    expect(driver.ask(joining("x", ["a"], more)).error).toBe(error);
    expect(driver.group.isUnused).toBe(true);
  });

  test("finds the group full", () => {
    const driver = open({ membersMax: 1 });
    driver.join("x", ["a"]);
    expect(driver.join("y", ["a"]).error).toBe("GROUP_MAX_SIZE_REACHED");
    expect(driver.join("x", ["a"]).error).toBeNull();
  });
});

describe("an epoch", () => {
  test("above the member's is fenced", () => {
    const driver = pair();
    expect(driver.ask({ memberId: "x", memberEpoch: 3 }).error).toBe("FENCED_MEMBER_EPOCH");
  });

  test("before the present one is taken from who holds no more than it has", () => {
    const driver = pair();
    const { assigned } = driver.group.find("x")!;
    const late = { memberId: "x", memberEpoch: 1 };
    expect(driver.ask({ ...late, ownedPartitions: assigned })).toMatchObject({ memberEpoch: 2 });
    expect(driver.ask(late).error).toBe("FENCED_MEMBER_EPOCH");
    const more = new Map([...assigned].map(([id]) => [id, [0, 1, 2]]));
    expect(driver.ask({ ...late, ownedPartitions: more }).error).toBe("FENCED_MEMBER_EPOCH");
  });

  test("rises when members, subscriptions or topics change, and else not", () => {
    const driver = open();
    const epochs: number[] = [];
    const note = (): void => void epochs.push(driver.group.epoch);
    driver.join("x", ["a"]);
    note();
    driver.join("x", ["a"]);
    note();
    driver.ask({ memberId: "x", memberEpoch: 1, subscribedTopics: ["b", "a"] });
    note();
    driver.setTopic("b", 3);
    driver.ask({ memberId: "x", memberEpoch: 2 });
    note();
    driver.setTopic("c", 3);
    driver.ask({ memberId: "x", memberEpoch: 3 });
    note();
    driver.ask({ memberId: "x", memberEpoch: -1 });
    note();
    expect(epochs).toEqual([1, 1, 2, 3, 3, 4]);
    expect(driver.group.phase).toBe("Empty");
  });

  test("rises when all topics were deleted before the group was loaded again", () => {
    const driver = pair();
    driver.setTopic("a", 0);
    driver.restart();
    expect(driver.ask({ memberId: "x", memberEpoch: 2 }).assignment).toEqual(new Map());
    const gaveUp = { memberId: "x", memberEpoch: 2, ownedPartitions: new Map() };
    expect(driver.ask(gaveUp).memberEpoch).toBe(3);
  });

  test("has no target before the topics of a loaded group were looked at", () => {
    const driver = open({ assignmentIntervalMs: 1_000 });
    driver.join("x", ["a"]);
    driver.join("y", ["a"]);
    driver.restart();
    // A timer may be early.
    driver.step({ kind: "tick" });
    driver.ask({ memberId: "x", memberEpoch: 1 });
    expect(driver.names(driver.group.find("x")?.target)).toHaveLength(2);
  });

  test("does not rise because the group was loaded again", () => {
    const driver = pair();
    driver.restart();
    driver.ask({ memberId: "x", memberEpoch: 2 });
    expect(driver.group).toMatchObject({ epoch: 2, phase: "Stable" });
  });
});

describe("a member that is silent", () => {
  test("for the session timeout is out, and the others get what it had", () => {
    const driver = pair();
    driver.advance(30_000);
    driver.ask({ memberId: "y", memberEpoch: 2 });
    driver.advance(15_000);
    expect(driver.group.memberCount).toBe(1);
    const { memberEpoch, assignment } = driver.ask({ memberId: "y", memberEpoch: 2 });
    expect([memberEpoch, driver.names(assignment)]).toEqual([3, ["a-0", "a-1", "a-2", "a-3"]]);
    expect(driver.ask({ memberId: "x", memberEpoch: 2 }).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test("about what it is to give up is out after its rebalance timeout", () => {
    const driver = open({ sessionTimeoutMs: 600_000 });
    const { assignment: ownedPartitions } = driver.join("x", ["a"]);
    driver.join("y", ["a"]);
    driver.ask({ memberId: "x", memberEpoch: 1, ownedPartitions });
    driver.advance(59_999);
    driver.ask({ memberId: "x", memberEpoch: 1 });
    expect(driver.group.find("x")).toBeDefined();
    driver.advance(1);
    expect(driver.group.find("x")).toBeUndefined();
  });

  test("has a whole session after the group was loaded again", () => {
    const driver = pair();
    driver.advance(44_000);
    driver.restart();
    driver.advance(44_000);
    expect(driver.group.memberCount).toBe(2);
    driver.advance(1_000);
    expect(driver.group.memberCount).toBe(0);
  });
});

describe("a commit", () => {
  const topicId = "TTTTTTTTTTTTTTTTTTTT0A";
  const of = (memberId: string, generation: number) => ({ memberId, instanceId: null, generation });
  const partition = (index: number) => [{ topicId, partition: index }];

  test.each([
    [of("x", 2), 0, null],
    [of("x", 1), 0, null],
    [of("x", 1), 2, "STALE_MEMBER_EPOCH"],
    [of("x", 3), 0, "STALE_MEMBER_EPOCH"],
    [of("y", 2), 2, null],
    [of("y", 1), 2, "STALE_MEMBER_EPOCH"],
    [of("z", 2), 0, "UNKNOWN_MEMBER_ID"],
    [of("", -1), 0, "UNKNOWN_MEMBER_ID"],
    [{ ...of("x", 2), isOldVersion: true }, 0, "UNSUPPORTED_VERSION"],
  ])("by %j of partition %i: %s", (committer, index, error) => {
    expect(pair().group.checkCommit(committer, partition(index))).toBe(error);
  });

  test("for nobody is taken while nobody is in the group", () => {
    const driver = open();
    driver.join("x", ["a"]);
    driver.ask({ memberId: "x", memberEpoch: -1 });
    expect(driver.group.checkCommit(of("", -1), partition(0))).toBeNull();
  });
});

describe("a static member", () => {
  const instanceId = "i";
  const stay = () => {
    const driver = open();
    driver.join("x", ["a"], { instanceId });
    return driver;
  };

  test("that leaves for a while finds its partitions under another id", () => {
    const driver = stay();
    const leave = { memberId: "x", memberEpoch: -2, instanceId };
    expect(driver.ask(leave)).toMatchObject({ error: null, memberEpoch: -2 });
    const back = driver.join("x2", ["a"], { instanceId });
    expect(back).toMatchObject({ error: null, memberEpoch: 1 });
    expect(driver.names(back.assignment)).toHaveLength(4);
    expect(driver.group).toMatchObject({ epoch: 1, memberCount: 1, phase: "Stable" });
    const old = { memberId: "x", memberEpoch: 1, instanceId };
    expect(driver.ask(old).error).toBe("FENCED_INSTANCE_ID");
    driver.restart();
    expect(driver.group.find("x2")?.epoch).toBe(1);
  });

  test("that is away keeps its partitions for its session", () => {
    const driver = stay();
    driver.ask({ memberId: "x", memberEpoch: -2, instanceId });
    expect(driver.names(driver.join("y", ["a"]).assignment)).toEqual([]);
    driver.advance(44_999);
    driver.ask({ memberId: "y", memberEpoch: 2 });
    expect(driver.group.memberCount).toBe(2);
    driver.advance(1);
    const { assignment } = driver.ask({ memberId: "y", memberEpoch: 2 });
    expect(driver.names(assignment)).toHaveLength(4);
  });

  test("is not replaced while it is there", () => {
    const driver = stay();
    const other = driver.join("x2", ["a"], { instanceId });
    expect(other.error).toBe("UNRELEASED_INSTANCE_ID");
    const stranger = { memberId: "x2", memberEpoch: 1, instanceId: "other" };
    expect(driver.ask(stranger).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test("that leaves for good makes room", () => {
    const driver = stay();
    driver.ask({ memberId: "x", memberEpoch: -1, instanceId });
    expect(driver.group.memberCount).toBe(0);
    expect(driver.join("x2", ["a"], { instanceId }).error).toBeNull();
  });
});

test("a group that goes answers who waits, and nobody after that", () => {
  const driver = open();
  driver.writesAtOnce = false;
  const call = driver.beat(joining("x", ["a"]));
  driver.step({ kind: "close", error: "NOT_COORDINATOR" });
  expect(driver.answerTo(call)?.error).toBe("NOT_COORDINATOR");
  expect(driver.ask(joining("x", ["a"])).error).toBe("COORDINATOR_NOT_AVAILABLE");
  driver.finishWrites();
  expect(driver.group.phase).toBe("Dead");
});

test("the tombstones of a group leave nothing of it", () => {
  const driver = pair();
  const kinds = driver.group.tombstones().map(({ kind, value }) => [kind, value]);
  expect(kinds).toHaveLength(2 + 2 * 3);
  expect(kinds.every(([, value]) => value === null)).toBe(true);
});

test("what a member gives up when it joins again is free at once", () => {
  const driver = pair();
  const { assignment } = driver.join("x", ["a"], { ownedPartitions: nothing });
  expect(driver.names(assignment)).toEqual(["a-0", "a-1"]);
});
