import { describe, expect, test } from "vitest";
import { ByteWriter } from "../../base/bytes.ts";
import { ConsumerProtocolSubscription } from "../../protocol/messages/consumer-protocol.ts";
import { bytes, GroupDriver, wallStartMs } from "../../../test/support/group-driver.ts";

function subscription(version: number, ...topics: string[]): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(version);
  ConsumerProtocolSubscription.write(writer, { topics }, version);
  return writer.toBytes();
}

describe("an offset commit", () => {
  const nobody = { memberId: "", instanceId: null, generation: -1 };

  test("of nobody in particular is for empty groups", () => {
    const driver = new GroupDriver();
    expect(driver.group.checkCommit(nobody)).toBeNull();
    driver.stabilize("a");
    expect(driver.group.checkCommit(nobody)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("of a member needs its id and generation", () => {
    const driver = new GroupDriver();
    const [memberId = ""] = driver.stabilize("a");
    const member = { memberId, instanceId: null, generation: 1 };
    expect(driver.group.checkCommit(member)).toBeNull();
    expect(driver.group.checkCommit({ ...member, generation: 2 })).toBe("ILLEGAL_GENERATION");
    expect(driver.group.checkCommit({ ...member, generation: -1 })).toBe("ILLEGAL_GENERATION");
    expect(driver.group.checkCommit({ ...member, memberId: "x" })).toBe("UNKNOWN_MEMBER_ID");
    expect(driver.group.checkCommit({ ...member, instanceId: "x" })).toBe("UNKNOWN_MEMBER_ID");
  });

  test("of a former member of an empty group is refused", () => {
    const driver = new GroupDriver();
    const committer = { memberId: "x", instanceId: null, generation: 1 };
    expect(driver.group.checkCommit(committer)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("between join phase and assignments is told of the rebalance", () => {
    const driver = new GroupDriver();
    const { memberId } = driver.joined(driver.join());
    const committer = { memberId, instanceId: null, generation: 1 };
    expect(driver.group.checkCommit(committer)).toBe("REBALANCE_IN_PROGRESS");
  });

  test("while members rejoin is accepted", () => {
    const driver = new GroupDriver();
    const [leader = "", follower = ""] = driver.stabilize("a", "b");
    driver.join({ memberId: leader });
    const committer = { memberId: follower, instanceId: null, generation: 2 };
    expect(driver.group.checkCommit(committer)).toBeNull();
  });

  test("counts as a heartbeat", () => {
    const driver = new GroupDriver();
    const [leader = ""] = driver.stabilize("a");
    for (let round = 0; round < 3; round++) {
      driver.advance(9_000);
      driver.group.noteCommit(leader, driver.now);
    }
    expect(driver.heartbeat(leader, 1)).toBeNull();
  });
});

describe("the topics of a consumer group", () => {
  test.each([0, 1, 2, 3, 9])("are known from subscriptions of version %i", (version) => {
    const driver = new GroupDriver();
    const metadata = subscription(Math.min(version, 3), "orders", "payments");
    new DataView(metadata.buffer, metadata.byteOffset).setInt16(0, version);
    driver.stabilizeAll([{ protocols: [{ name: "range", metadata }] }]);
    expect(driver.group.isSubscribedTo("orders")).toBe(true);
    expect(driver.group.isSubscribedTo("payments")).toBe(true);
    expect(driver.group.isSubscribedTo("others")).toBe(false);
  });

  test.each([
    ["bytes of another kind", { protocols: [{ name: "range", metadata: bytes("?") }] }],
    [
      "a subscription that is cut",
      { protocols: [{ name: "range", metadata: subscription(0, "orders").subarray(0, 11) }] },
    ],
    ["Kafka Streams", { protocols: [{ name: "stream", metadata: subscription(0, "orders") }] }],
  ])("may be any for %s", (_, request) => {
    const driver = new GroupDriver();
    driver.stabilizeAll([request]);
    expect(driver.group.subscribedTopics).toBeUndefined();
    expect(driver.group.isSubscribedTo("anything")).toBe(true);
  });

  test("are nobody's business in groups of other types", () => {
    const driver = new GroupDriver();
    const protocols = [{ name: "sr", metadata: subscription(0, "orders") }];
    driver.stabilizeAll([{ protocolType: "sr", protocols }]);
    expect(driver.group.isSubscribedTo("orders")).toBe(false);
  });

  test("are none when the group is empty", () => {
    const driver = new GroupDriver();
    const metadata = subscription(0, "orders");
    driver.stabilizeAll([{ protocols: [{ name: "range", metadata }] }]);
    driver.advance(10_000);
    expect(driver.group.isSubscribedTo("orders")).toBe(false);
  });
});

describe("a description", () => {
  test("has metadata and assignments when the group is stable", () => {
    const driver = new GroupDriver();
    const [memberId = ""] = driver.stabilize("app");
    expect(driver.group.describe()).toEqual({
      kind: "classic",
      phase: "Stable",
      protocolType: "consumer",
      protocolName: "range",
      members: [
        {
          memberId,
          instanceId: null,
          clientId: "app",
          clientHost: "/127.0.0.1",
          metadata: bytes("range"),
          assignment: bytes(memberId),
        },
      ],
    });
  });

  test("has members without them else", () => {
    const driver = new GroupDriver();
    driver.join();
    const { phase, protocolName, members } = driver.group.describe();
    expect({ phase, protocolName }).toEqual({ phase: "CompletingRebalance", protocolName: "" });
    expect(members[0]).toMatchObject({ metadata: bytes(""), assignment: bytes("") });
  });
});

describe("a stored group", () => {
  test("is resumed as it was: stable, same generation, same leader, same assignments", () => {
    const before = new GroupDriver();
    const [leader = "", follower = ""] = before.stabilizeAll([{}, { instanceId: "i" }]);
    const image = before.images.at(-1);
    const after = new GroupDriver({}, image);
    expect(after.group.describe()).toEqual(before.group.describe());
    expect(after.group.image()).toEqual(image);
    expect(after.heartbeat(leader, 2)).toBeNull();
    expect(after.heartbeat(follower, 2, "i")).toBeNull();
    expect(after.joined(after.join({ memberId: follower, instanceId: "i" })).leader).toBe(leader);
  });

  test("gives its members a whole session timeout to be heard of", () => {
    const before = new GroupDriver();
    const [leader = ""] = before.stabilize("a");
    const after = new GroupDriver({}, before.images.at(-1));
    after.advance(9_999);
    expect(after.heartbeat(leader, 1)).toBeNull();
    after.advance(10_000);
    expect(after.group.phase).toBe("Empty");
  });

  test("is resumed empty when it was empty, since the same moment", () => {
    const before = new GroupDriver();
    before.stabilize("a");
    before.advance(10_000);
    const after = new GroupDriver({}, before.images.at(-1));
    expect(after.group.phase).toBe("Empty");
    expect(after.group.generation).toBe(2);
    expect(after.group.stateTimestampMs).toBe(wallStartMs + 10_000);
  });

  test("of a version without rebalance timeouts takes the session timeout for it", () => {
    const before = new GroupDriver();
    before.stabilize("a");
    const image = before.group.image();
    const members = image.members.map((member) => ({ ...member, rebalanceTimeoutMs: -1 }));
    const after = new GroupDriver({}, { ...image, members });
    expect(after.group.image().members[0]?.rebalanceTimeoutMs).toBe(10_000);
  });
});
