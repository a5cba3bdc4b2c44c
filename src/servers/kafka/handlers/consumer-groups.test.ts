import { describe, expect, test } from "vitest";
import { GroupBroker } from "../../../../test/support/group-broker.ts";
import { code, GroupConnection } from "../../../../test/support/group-call.ts";
import { ByteReader } from "../../../base/bytes.ts";
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from "../../../protocol/messages/consumer-protocol.ts";

/** A server-assigned group "g" with one member "x", epoch 1. */
async function connect(): Promise<GroupConnection> {
  const node = await GroupBroker.open();
  await node.createTopic("orders", 2);
  await node.groups.consumerHeartbeat("g", {
    memberId: "x",
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: 1_000,
    subscribedTopics: ["orders"],
    serverAssignor: null,
    ownedPartitions: new Map(),
    clientId: "client",
    clientHost: "/127.0.0.1",
  });
  return new GroupConnection(node);
}

function versioned(bytes: Uint8Array): ByteReader {
  const reader = new ByteReader(bytes);
  expect(reader.int16()).toBe(0);
  return reader;
}

describe("a server-assigned group, for who speaks the classic calls", () => {
  test("is listed with its type, and found by it", async () => {
    const connection = await connect();
    const ask = async (typesFilter: string[]) =>
      (await connection.call("ListGroups", 5, { statesFilter: [], typesFilter })).groups;
    const listed = {
      groupId: "g",
      protocolType: "consumer",
      groupState: "Stable",
      groupType: "consumer",
    };
    expect(await ask([])).toEqual([listed]);
    expect(await ask(["Consumer"])).toEqual([listed]);
    expect(await ask(["classic"])).toEqual([]);
  });

  test("is described with subscriptions and assignments as consumers write them", async () => {
    const connection = await connect();
    const { groups } = await connection.call("DescribeGroups", 5, { groups: ["g"] });
    expect(groups).toMatchObject([
      { errorCode: 0, groupState: "Stable", protocolType: "consumer", protocolData: "uniform" },
    ]);
    const [member] = groups[0]!.members;
    expect(member).toMatchObject({ memberId: "x", clientId: "client", clientHost: "/127.0.0.1" });
    const subscription = versioned(member!.memberMetadata);
    expect(ConsumerProtocolSubscription.read(subscription, 0).topics).toEqual(["orders"]);
    const assignment = versioned(member!.memberAssignment);
    expect(ConsumerProtocolAssignment.read(assignment, 0).assignedPartitions).toEqual([
      { topic: "orders", partitions: [0, 1] },
    ]);
  });

  test.each([
    [8, 1, "UNSUPPORTED_VERSION"],
    [9, 1, null],
    [9, 2, "STALE_MEMBER_EPOCH"],
  ] as const)("an OffsetCommit of version %i with epoch %i: %s", async (version, epoch, error) => {
    const connection = await connect();
    const { topics } = await connection.call("OffsetCommit", version, {
      groupId: "g",
      memberId: "x",
      generationIdOrMemberEpoch: epoch,
      topics: [
        {
          name: "orders",
          partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }],
        },
      ],
    });
    expect(topics[0]?.partitions[0]?.errorCode).toBe(error === null ? 0 : code(error));
  });

  test.each([
    [null, -1, null],
    ["x", 1, null],
    ["x", 0, "STALE_MEMBER_EPOCH"],
    ["y", 1, "UNKNOWN_MEMBER_ID"],
  ] as const)("an OffsetFetch of %j with epoch %i: %s", async (memberId, memberEpoch, error) => {
    const connection = await connect();
    const { groups } = await connection.call("OffsetFetch", 9, {
      groups: [{ groupId: "g", memberId, memberEpoch, topics: null }],
    });
    expect(groups?.[0]?.errorCode ?? 0).toBe(error === null ? 0 : code(error));
  });
});
