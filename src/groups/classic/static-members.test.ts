import { expect, test } from "vitest";
import { bytes, GroupDriver, protocol } from "../../../test/support/group-driver.ts";

test("a static member gets an id that begins with its instance, without being asked back", () => {
  const driver = new GroupDriver();
  const call = driver.join({ instanceId: "i", uuid: "u", requiresKnownMemberId: true });
  expect(driver.joined(call)).toMatchObject({ error: null, memberId: "i-u" });
});

test("a static member that returns keeps its place: the same generation, no rebalance", () => {
  const driver = new GroupDriver();
  const [leader = "", still = ""] = driver.stabilizeAll([{}, { instanceId: "i" }]);
  const answer = driver.joined(driver.join({ instanceId: "i", uuid: "back" }));
  expect(answer).toEqual({
    error: null,
    memberId: "i-back",
    generation: 2,
    protocolType: "consumer",
    protocolName: "range",
    leader,
    skipAssignment: false,
    members: [],
  });
  expect(driver.group.phase).toBe("Stable");
  const call = driver.sync({ memberId: "i-back", instanceId: "i", generation: 2 });
  expect(driver.synced(call).assignment).toEqual(bytes(still));
});

test("a static leader that returns is told to keep the assignment, with the members", () => {
  const driver = new GroupDriver();
  driver.stabilizeAll([{ instanceId: "i" }, {}]);
  const answer = driver.joined(driver.join({ instanceId: "i", uuid: "back" }));
  expect(answer).toMatchObject({ leader: "i-back", skipAssignment: true, generation: 2 });
  expect(answer.members).toHaveLength(2);
});

test("a static leader of an older version is told its old id leads, so that it follows", () => {
  const driver = new GroupDriver();
  const [old = ""] = driver.stabilizeAll([{ instanceId: "i" }, {}]);
  const again = { instanceId: "i", uuid: "back", supportsSkippingAssignment: false };
  expect(driver.joined(driver.join(again))).toMatchObject({
    memberId: "i-back",
    leader: old,
    skipAssignment: false,
    members: [],
  });
});

test("the new id of a static member is stored before the member hears of it", () => {
  const driver = new GroupDriver();
  driver.stabilizeAll([{ instanceId: "i" }]);
  driver.writesAtOnce = false;
  const call = driver.join({ instanceId: "i", uuid: "back" });
  expect(driver.isAnswered(call)).toBe(false);
  expect(driver.images.at(-1)?.members.map(({ memberId }) => memberId)).toEqual(["i-back"]);
  driver.finishWrites();
  expect(driver.joined(call).error).toBeNull();
});

test("a static member whose new id was long in being stored is timed from its answer on", () => {
  const driver = new GroupDriver();
  driver.stabilizeAll([{ instanceId: "i" }]);
  driver.writesAtOnce = false;
  driver.join({ instanceId: "i", uuid: "back" });
  driver.advance(12_000);
  driver.finishWrites();
  driver.writesAtOnce = true;
  driver.advance(10_000);
  expect(driver.group.phase).toBe("Empty");
});

test("when the new id can not be stored, the old member is there again", () => {
  const driver = new GroupDriver();
  const [old = ""] = driver.stabilizeAll([{ instanceId: "i" }]);
  driver.writesAtOnce = false;
  const call = driver.join({ instanceId: "i", uuid: "back" });
  driver.finishWrites("NOT_COORDINATOR");
  expect(driver.joined(call).error).toBe("NOT_COORDINATOR");
  expect(driver.heartbeat(old, 1, "i")).toBeNull();
});

test("a returning static member waits with the others when a rebalance overtakes it", () => {
  const driver = new GroupDriver();
  const [leader = ""] = driver.stabilizeAll([{}, { instanceId: "i" }]);
  driver.writesAtOnce = false;
  const call = driver.join({ instanceId: "i", uuid: "back" });
  driver.join({ memberId: leader });
  driver.finishWrites();
  expect(driver.joined(call)).toMatchObject({ generation: 3, memberId: "i-back" });
});

test("a returning static member waits on when a rebalance begins before its id is stored", () => {
  const driver = new GroupDriver();
  const [leader = "", , third = ""] = driver.stabilizeAll([{}, { instanceId: "i" }, {}]);
  driver.writesAtOnce = false;
  const call = driver.join({ instanceId: "i", uuid: "back" });
  driver.join({ memberId: leader });
  driver.finishWrites();
  expect(driver.isAnswered(call)).toBe(false);
  driver.join({ memberId: third });
  expect(driver.joined(call)).toMatchObject({ generation: 4, error: null });
});

test("a static member that returned and falls silent is removed", () => {
  const driver = new GroupDriver();
  driver.stabilizeAll([{ instanceId: "i" }]);
  driver.join({ instanceId: "i", uuid: "back" });
  driver.advance(10_000);
  expect(driver.group.phase).toBe("Empty");
});

/** A stable group in which the static member "i" has come back before it sent its SyncGroup. */
function returnedBeforeSync(): { driver: GroupDriver; leader: string } {
  const driver = new GroupDriver();
  const terms = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 5_000 };
  const [leader = "", still = ""] = driver.stabilizeAll([terms, { ...terms, instanceId: "i" }]);
  driver.join({ ...terms, memberId: leader });
  driver.join({ ...terms, memberId: still, instanceId: "i" });
  driver.sync({ memberId: leader, generation: 3 });
  driver.join({ ...terms, instanceId: "i", uuid: "back" });
  expect(driver.group.phase).toBe("Stable");
  return { driver, leader };
}

test("a static member that returned owes the SyncGroup that its old id never sent", () => {
  const { driver, leader } = returnedBeforeSync();
  driver.advance(5_000);
  expect(driver.heartbeat("i-back", 3, "i")).toBe("UNKNOWN_MEMBER_ID");
  expect(driver.heartbeat(leader, 3)).toBe("REBALANCE_IN_PROGRESS");
});

test("a static member that returned and sent its SyncGroup stays", () => {
  const { driver, leader } = returnedBeforeSync();
  driver.sync({ memberId: "i-back", instanceId: "i", generation: 3 });
  driver.advance(5_000);
  expect(driver.heartbeat("i-back", 3, "i")).toBeNull();
  expect(driver.heartbeat(leader, 3)).toBeNull();
});

test("a returning static member that changes the protocol starts a rebalance", () => {
  const driver = new GroupDriver();
  driver.stabilizeAll([{ instanceId: "i", protocols: [protocol("range"), protocol("sticky")] }]);
  const call = driver.join({ instanceId: "i", protocols: [protocol("sticky"), protocol("range")] });
  expect(driver.joined(call)).toMatchObject({ generation: 2, protocolName: "sticky" });
});

test("a static member that returns before the assignments are there starts a rebalance", () => {
  const driver = new GroupDriver();
  driver.join({ instanceId: "i" });
  expect(driver.joined(driver.join({ instanceId: "i", uuid: "back" }))).toMatchObject({
    generation: 2,
    memberId: "i-back",
    leader: "i-back",
  });
});

test("the waiting JoinGroup of the old id is fenced", () => {
  const driver = new GroupDriver();
  const [still = ""] = driver.stabilizeAll([{ instanceId: "i" }, {}]);
  const joining = driver.join({ memberId: still, instanceId: "i" });
  driver.join({ instanceId: "i", uuid: "back" });
  expect(driver.joined(joining)).toMatchObject({ error: "FENCED_INSTANCE_ID", memberId: still });
});

test("the waiting SyncGroup of the old id is fenced", () => {
  const driver = new GroupDriver();
  const [leader = "", still = ""] = driver.stabilizeAll([{}, { instanceId: "i" }]);
  driver.join({ memberId: leader });
  driver.join({ memberId: still, instanceId: "i" });
  const syncing = driver.sync({ memberId: still, instanceId: "i", generation: 3 });
  driver.join({ instanceId: "i", uuid: "back" });
  expect(driver.synced(syncing).error).toBe("FENCED_INSTANCE_ID");
});

test("the old id is fenced in every request", () => {
  const driver = new GroupDriver();
  const [old = ""] = driver.stabilizeAll([{ instanceId: "i" }]);
  driver.join({ instanceId: "i", uuid: "back" });
  const fenced = "FENCED_INSTANCE_ID";
  expect(driver.joined(driver.join({ memberId: old, instanceId: "i" })).error).toBe(fenced);
  expect(driver.heartbeat(old, 1, "i")).toBe(fenced);
  const call = driver.sync({ memberId: old, instanceId: "i", generation: 1 });
  expect(driver.synced(call).error).toBe(fenced);
  expect(driver.leave({ memberId: old, instanceId: "i" }).errors).toEqual([fenced]);
  const committer = { memberId: old, instanceId: "i", generation: 1 };
  expect(driver.group.checkCommit(committer)).toBe(fenced);
});

test("a static member that stays silent is removed like any other", () => {
  const driver = new GroupDriver();
  driver.stabilizeAll([{ instanceId: "i" }]);
  driver.advance(10_000);
  expect(driver.group.phase).toBe("Empty");
  const call = driver.join({ instanceId: "i", uuid: "new" });
  expect(driver.joined(call)).toMatchObject({ memberId: "i-new", generation: 3 });
});
