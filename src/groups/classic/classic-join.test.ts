import { describe, expect, test } from "vitest";
import { GroupDriver, bytes, protocol } from "../../../test/support/group-driver.ts";

describe("a new member", () => {
  test("is told its id first when its version knows of that", () => {
    const driver = new GroupDriver();
    const call = driver.join({ clientId: "app", uuid: "u", requiresKnownMemberId: true });
    expect(driver.joined(call)).toMatchObject({
      error: "MEMBER_ID_REQUIRED",
      memberId: "app-u",
      generation: -1,
      leader: "",
    });
    expect(driver.group.phase).toBe("Empty");
  });

  test("that comes back with the id it was told is in", () => {
    const driver = new GroupDriver();
    const first = driver.join({ requiresKnownMemberId: true });
    const { memberId } = driver.joined(first);
    const second = driver.join({ memberId, requiresKnownMemberId: true });
    expect(driver.joined(second)).toMatchObject({ error: null, generation: 1, leader: memberId });
  });

  test("that does not come back in its session timeout is forgotten", () => {
    const driver = new GroupDriver();
    const { memberId } = driver.joined(driver.join({ requiresKnownMemberId: true }));
    driver.advance(10_000);
    expect(driver.joined(driver.join({ memberId })).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test("that was told its id may not come back as a static one", () => {
    const driver = new GroupDriver();
    const { memberId } = driver.joined(driver.join({ requiresKnownMemberId: true }));
    const call = driver.join({ memberId, instanceId: "i" });
    expect(driver.joined(call).error).toBe("UNKNOWN_MEMBER_ID");
  });

  test("of an old version is in at once, under a new id", () => {
    const driver = new GroupDriver();
    const call = driver.join({ clientId: "app", uuid: "u" });
    expect(driver.joined(call)).toMatchObject({ error: null, memberId: "app-u", generation: 1 });
  });

  test("gets an id that fits every version's strings, however long its client's name", () => {
    const driver = new GroupDriver();
    const { memberId } = driver.joined(driver.join({ clientId: "c".repeat(32_767), uuid: "u" }));
    expect(memberId).toBe(`${"c".repeat(249)}-u`);
  });

  test("with an id that nobody gave it is unknown", () => {
    const driver = new GroupDriver();
    driver.stabilize("a");
    const call = driver.join({ memberId: "stranger" });
    expect(driver.joined(call)).toMatchObject({
      error: "UNKNOWN_MEMBER_ID",
      memberId: "stranger",
    });
  });

  test("needs a protocol type and a protocol in an empty group", () => {
    const driver = new GroupDriver();
    for (const request of [{ protocolType: "" }, { protocols: [] }]) {
      const call = driver.join(request);
      expect(driver.joined(call).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    }
  });

  test("needs the group's protocol type", () => {
    const driver = new GroupDriver();
    driver.stabilize("a");
    const call = driver.join({ protocolType: "connect" });
    expect(driver.joined(call).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
  });

  test("needs a protocol that all members share", () => {
    const driver = new GroupDriver();
    driver.stabilize("a");
    const call = driver.join({ protocols: [protocol("sticky")] });
    expect(driver.joined(call).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
  });
});

describe("the size of a group", () => {
  test("has a limit for new members", () => {
    const driver = new GroupDriver({ membersMax: 1 });
    driver.stabilize("a");
    expect(driver.joined(driver.join())).toMatchObject({
      error: "GROUP_MAX_SIZE_REACHED",
      memberId: "",
    });
  });

  test("lets members rejoin at the limit", () => {
    const driver = new GroupDriver({ membersMax: 2 });
    const [leader = ""] = driver.stabilize("a", "b");
    driver.join({ memberId: leader });
    expect(driver.group.phase).toBe("PreparingRebalance");
  });

  test("is that of the members who wait while the group prepares: the last are left out", () => {
    const limits = { membersMax: 2 };
    const full = new GroupDriver(limits);
    const [one = "", two = ""] = full.stabilize("a", "b");
    const lowered = new GroupDriver({ membersMax: 1 }, full.group.image());
    expect(lowered.group.phase).toBe("PreparingRebalance");
    const first = lowered.join({ memberId: one });
    const second = lowered.join({ memberId: two });
    expect(lowered.joined(second).error).toBe("GROUP_MAX_SIZE_REACHED");
    expect(lowered.joined(first)).toMatchObject({ error: null, leader: one });
    expect(lowered.group.memberCount).toBe(1);
  });

  test("has a limit for ids that were handed out and not used", () => {
    const driver = new GroupDriver({ pendingMembersMax: 1 });
    driver.join({ requiresKnownMemberId: true });
    const call = driver.join({ requiresKnownMemberId: true });
    expect(driver.joined(call).error).toBe("GROUP_MAX_SIZE_REACHED");
  });
});

describe("a member that joins again", () => {
  test("while the group prepares joins the rebalance", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    driver.join({ memberId: leader });
    const call = driver.join({ memberId: follower });
    expect(driver.joined(call).generation).toBe(driver.group.generation);
    expect(driver.group.phase).toBe("CompletingRebalance");
  });

  test("unchanged before assignments are there is told the current generation again", () => {
    const driver = new GroupDriver();
    const { memberId, generation } = driver.joined(driver.join());
    const again = driver.joined(driver.join({ memberId }));
    expect(again).toMatchObject({ generation, leader: memberId, error: null });
    expect(again.members).toHaveLength(1);
    expect(driver.group.phase).toBe("CompletingRebalance");
  });

  test("with other metadata before assignments are there starts a rebalance", () => {
    const driver = new GroupDriver();
    const { memberId } = driver.joined(driver.join());
    const call = driver.join({ memberId, protocols: [protocol("range", "more")] });
    expect(driver.joined(call).generation).toBe(2);
  });

  test("as the leader of a stable group starts a rebalance", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a", "b");
    driver.join({ memberId: leader });
    expect(driver.group.phase).toBe("PreparingRebalance");
  });

  test("as an unchanged follower of a stable group is told the current generation", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    const answer = driver.joined(driver.join({ memberId: follower }));
    expect(answer).toMatchObject({ error: null, generation: 2, leader, members: [] });
    expect(driver.group.phase).toBe("Stable");
  });

  test("as a follower with other metadata starts a rebalance", () => {
    const driver = new GroupDriver();
    const [, follower = ""] = driver.stabilize("a", "b");
    driver.join({ memberId: follower, protocols: [protocol("range", "more")] });
    expect(driver.group.phase).toBe("PreparingRebalance");
  });

  test("twice at a time has its first call answered: one waits", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a", "b");
    const first = driver.join({ memberId: leader });
    const second = driver.join({ memberId: leader });
    expect(driver.joined(first).error).toBe("REBALANCE_IN_PROGRESS");
    expect(driver.isAnswered(second)).toBe(false);
  });

  test("keeps its metadata when the request's bytes are used again", () => {
    const driver = new GroupDriver();
    const metadata = bytes("mine");
    driver.join({ protocols: [{ name: "range", metadata }] });
    metadata.fill(0);
    driver.syncAll([driver.group.describe().members[0]?.memberId ?? ""]);
    expect(driver.group.describe().members[0]?.metadata).toEqual(bytes("mine"));
  });
});
