import { describe, expect, test } from "vitest";
import { GroupDriver, protocol } from "../../../test/support/group-driver.ts";

describe("the join phase", () => {
  test("of an empty group without delay ends with its first member", () => {
    const driver = new GroupDriver();
    expect(driver.joined(driver.join()).generation).toBe(1);
  });

  test("of an empty group waits for the initial delay", () => {
    const driver = new GroupDriver({ initialRebalanceDelayMs: 3_000 });
    const call = driver.join();
    driver.advance(2_999);
    expect(driver.isAnswered(call)).toBe(false);
    driver.advance(1);
    expect(driver.joined(call).generation).toBe(1);
  });

  test("of an empty group waits again each time somebody came, up to the rebalance timeout", () => {
    const driver = new GroupDriver({ initialRebalanceDelayMs: 3_000 });
    const calls = [driver.join({ rebalanceTimeoutMs: 7_000 })];
    for (let round = 0; round < 2; round++) {
      driver.advance(2_000);
      calls.push(driver.join({ rebalanceTimeoutMs: 7_000 }));
      driver.advance(1_000);
      expect(driver.isAnswered(calls[0] ?? 0)).toBe(false);
    }
    driver.advance(500);
    calls.push(driver.join({ rebalanceTimeoutMs: 7_000 }));
    driver.advance(500);
    expect(calls.map((call) => driver.joined(call).generation)).toEqual([1, 1, 1, 1]);
  });

  test("ends when all known members have joined", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a");
    const second = driver.join();
    expect(driver.isAnswered(second)).toBe(false);
    driver.join({ memberId: leader });
    expect(driver.joined(second)).toMatchObject({ generation: 2, leader, members: [] });
  });

  test("waits for an id that was handed out", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a");
    const { memberId } = driver.joined(driver.join({ requiresKnownMemberId: true }));
    const again = driver.join({ memberId: leader });
    expect(driver.isAnswered(again)).toBe(false);
    driver.join({ memberId });
    expect(driver.joined(again).generation).toBe(2);
  });

  test("ends when the id it waits for is given back or forgotten", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a");
    const given = driver.joined(driver.join({ requiresKnownMemberId: true }));
    const first = driver.join({ memberId: leader });
    expect(driver.leave({ memberId: given.memberId, instanceId: null }).errors).toEqual([null]);
    expect(driver.joined(first).generation).toBe(2);
    driver.syncAll([leader]);
    driver.join({ requiresKnownMemberId: true });
    const second = driver.join({ memberId: leader });
    driver.advance(10_000);
    expect(driver.joined(second).generation).toBe(3);
  });

  test("ends with the longest rebalance timeout: dynamic members that stay away go", () => {
    const driver = new GroupDriver();
    const requests = [{ rebalanceTimeoutMs: 5_000 }, { rebalanceTimeoutMs: 20_000 }];
    const slow = requests.map((one) => ({ ...one, sessionTimeoutMs: 30_000 }));
    const [leader = "", follower = ""] = driver.stabilizeAll(slow);
    const call = driver.join({ ...slow[0], memberId: leader });
    driver.advance(19_999);
    expect(driver.isAnswered(call)).toBe(false);
    driver.advance(1);
    expect(driver.joined(call).members.map(({ memberId }) => memberId)).toEqual([leader]);
    expect(driver.heartbeat(follower, 3)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("keeps static members that stayed away", () => {
    const driver = new GroupDriver();
    const terms = { rebalanceTimeoutMs: 5_000 };
    const [leader = "", still = ""] = driver.stabilizeAll([terms, { ...terms, instanceId: "i" }]);
    const call = driver.join({ ...terms, memberId: leader });
    driver.advance(5_000);
    expect(
      driver
        .joined(call)
        .members.map(({ memberId }) => memberId)
        .toSorted(),
    ).toEqual([leader, still].toSorted());
  });

  test("makes a member that came the leader when the leader stayed away", () => {
    const driver = new GroupDriver();
    const terms = { rebalanceTimeoutMs: 5_000 };
    const [, follower = ""] = driver.stabilizeAll([{ ...terms, instanceId: "i" }, terms]);
    const call = driver.join({ ...terms, memberId: follower, protocols: [protocol("range", "x")] });
    driver.advance(5_000);
    expect(driver.joined(call)).toMatchObject({ leader: follower, error: null });
  });

  test("goes on when nobody came, until the silent ones are gone", () => {
    const driver = new GroupDriver();
    const terms = { rebalanceTimeoutMs: 4_000, sessionTimeoutMs: 10_000 };
    driver.stabilizeAll([{ ...terms, instanceId: "i" }, terms]);
    const [, follower] = driver.group.describe().members;
    driver.leave({ memberId: follower?.memberId ?? "", instanceId: null });
    driver.advance(4_000);
    expect(driver.group.phase).toBe("PreparingRebalance");
    driver.advance(6_000);
    expect(driver.group.phase).toBe("Empty");
  });
});

describe("the protocol", () => {
  test("is the one most members vote for among those that all offer", () => {
    const driver = new GroupDriver();
    const first = { protocols: [protocol("range"), protocol("sticky"), protocol("own")] };
    const second = { protocols: [protocol("sticky"), protocol("range")] };
    driver.stabilizeAll([first, second, second]);
    expect(driver.group.describe().protocolName).toBe("sticky");
  });

  test("decides which metadata the leader gets", () => {
    const driver = new GroupDriver();
    const call = driver.join({ protocols: [protocol("range", "r"), protocol("sticky", "s")] });
    expect(driver.joined(call)).toMatchObject({ protocolName: "range", protocolType: "consumer" });
    expect(driver.joined(call).members[0]?.metadata).toEqual(protocol("", "r").metadata);
  });
});

describe("a group that nobody is left in", () => {
  test("is empty in a new generation without protocol, and stored so", () => {
    const driver = new GroupDriver();
    const [only = ""] = driver.stabilize("a");
    driver.leave({ memberId: only, instanceId: null });
    expect(driver.group.phase).toBe("Empty");
    expect(driver.images.at(-1)).toMatchObject({
      generation: 2,
      protocolName: null,
      protocolType: "consumer",
      leader: null,
      members: [],
    });
  });

  test("takes members of another protocol type", () => {
    const driver = new GroupDriver();
    const [only = ""] = driver.stabilize("a");
    driver.leave({ memberId: only, instanceId: null });
    const call = driver.join({ protocolType: "connect" });
    expect(driver.joined(call)).toMatchObject({ error: null, protocolType: "connect" });
  });
});
