import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { GroupBroker } from "../../../../test/support/group-broker.ts";
import { code, GroupConnection, versionsOf } from "../../../../test/support/group-call.ts";
import { bytes } from "../../../../test/support/group-driver.ts";

async function connect(): Promise<{ connection: GroupConnection; topicId: Uint8Array }> {
  const node = await GroupBroker.open();
  const { id: topicId } = await node.createTopic("orders", 2);
  return { connection: new GroupConnection(node), topicId };
}

const zeroId = new Uint8Array(16);
const committed = { partitionIndex: 1, committedOffset: 7, committedMetadata: "m" };

describe("OffsetCommit", () => {
  test.each(versionsOf("OffsetCommit"))("version %i commits", async (version) => {
    const { connection, topicId } = await connect();
    const topic = version >= 10 ? { topicId } : { name: "orders" };
    const answer = await connection.call("OffsetCommit", version, {
      groupId: "g",
      memberId: "",
      topics: [{ ...topic, partitions: [committed] }],
    });
    const [answered] = answer.topics;
    expect(answered).toMatchObject({ ...topic, partitions: [{ partitionIndex: 1, errorCode: 0 }] });
    expect(connection.node.offsets("g")).toEqual(["orders-1@7"]);
  });

  test.each([
    [8, "ILLEGAL_GENERATION"],
    [9, "GROUP_ID_NOT_FOUND"],
  ] as const)("version %i of a member of an unknown group: %s", async (version, error) => {
    const { connection } = await connect();
    const answer = await connection.call("OffsetCommit", version, {
      groupId: "g",
      memberId: "m",
      generationIdOrMemberEpoch: 1,
      topics: [{ name: "orders", partitions: [committed] }],
    });
    expect(answer.topics[0]?.partitions[0]?.errorCode).toBe(code(error));
  });

  test("refuses unknown topics and partitions one by one", async () => {
    const { connection } = await connect();
    const answer = await connection.call("OffsetCommit", 9, {
      groupId: "g",
      memberId: "",
      topics: [
        { name: "nothing", partitions: [committed] },
        { name: "orders", partitions: [{ ...committed, partitionIndex: 2 }, committed] },
      ],
    });
    const unknown = code("UNKNOWN_TOPIC_OR_PARTITION");
    const errors = answer.topics.map(({ partitions }) => partitions.map((one) => one.errorCode));
    expect(errors).toEqual([[unknown], [unknown, 0]]);
  });

  test("refuses an unknown topic id", async () => {
    const { connection } = await connect();
    const topics = [{ topicId: zeroId, partitions: [committed] }];
    const answer = await connection.call("OffsetCommit", 10, {
      groupId: "g",
      memberId: "",
      topics,
    });
    expect(answer.topics[0]?.partitions[0]?.errorCode).toBe(code("UNKNOWN_TOPIC_ID"));
  });

  test.each([2, 3, 4])("version %i may say how long the offset lives", async (version) => {
    const { connection } = await connect();
    await connection.call("OffsetCommit", version, {
      groupId: "g",
      memberId: "",
      retentionTimeMs: 300_000,
      topics: [{ name: "orders", partitions: [committed] }],
    });
    await connection.node.advance("11m");
    expect(connection.node.offsets("g")).toEqual([]);
  });
});

/** Asks for one group's offsets in the form of the version; answers that group's part. */
async function fetchOffsets(
  connection: GroupConnection,
  version: number,
  topics: readonly { readonly partitionIndexes: number[] }[] | null,
) {
  const named =
    topics?.map(({ partitionIndexes }) => ({ name: "orders", partitionIndexes })) ?? null;
  if (version < 8) {
    const request = { groupId: "g", topics: named };
    return await connection.call("OffsetFetch", version, request);
  }
  const topicId = connection.node.broker.topics.find("orders")?.id ?? zeroId;
  const byId = topics?.map(({ partitionIndexes }) => ({ topicId, partitionIndexes })) ?? null;
  const groups = [{ groupId: "g", topics: version >= 10 ? byId : named }];
  const answer = await connection.call("OffsetFetch", version, { groups });
  expect(answer.groups).toHaveLength(1);
  return answer.groups[0];
}

describe("OffsetFetch", () => {
  test.each(versionsOf("OffsetFetch"))("version %i answers what is committed", async (version) => {
    const { connection, topicId } = await connect();
    const { node } = connection;
    await node.commit("g", "orders", 7, { partition: 1, metadata: "m", leaderEpoch: 3, topicId });
    const answer = await fetchOffsets(connection, version, [{ partitionIndexes: [0, 1] }]);
    const partitions = [
      { partitionIndex: 0, committedOffset: -1, metadata: "", errorCode: 0 },
      { partitionIndex: 1, committedOffset: 7, metadata: "m", errorCode: 0 },
    ];
    const topic = version >= 10 ? { topicId } : { name: "orders" };
    expect(answer).toMatchObject({ errorCode: 0, topics: [{ ...topic, partitions }] });
  });

  test.each(versionsOf("OffsetFetch").slice(1))("version %i answers all", async (version) => {
    const { connection, topicId } = await connect();
    await connection.node.commit("g", "orders", 7, { partition: 1 });
    const answer = await fetchOffsets(connection, version, null);
    const partitions = [{ partitionIndex: 1, committedOffset: 7 }];
    const topic = version >= 10 ? { topicId } : { name: "orders" };
    expect(answer).toMatchObject({ errorCode: 0, topics: [{ ...topic, partitions }] });
  });

  test("of several groups answers each", async () => {
    const { connection } = await connect();
    await connection.node.commit("h", "orders", 7);
    const groups = ["g", "h"].map((groupId) => ({ groupId, topics: null }));
    const answer = await connection.call("OffsetFetch", 9, { groups });
    expect(answer.groups).toMatchObject([
      { groupId: "g", topics: [] },
      { groupId: "h", topics: [{ name: "orders" }] },
    ]);
  });

  test("of an unknown topic id says so", async () => {
    const { connection } = await connect();
    const topics = [{ topicId: zeroId, partitionIndexes: [0] }];
    const request = { groups: [{ groupId: "g", topics }] };
    const { groups } = await connection.call("OffsetFetch", 10, request);
    expect(groups[0]?.topics[0]?.partitions[0]?.errorCode).toBe(code("UNKNOWN_TOPIC_ID"));
  });

  test.each([1, 2, 7, 8, 10])(
    "version %i tells in its own place that groups load",
    async (version) => {
      const before = await GroupBroker.open();
      await before.createTopic("orders");
      await before.commit("g", "orders", 7);
      await before.stop();
      const node = await GroupBroker.open({}, before.clock, before.disk);
      const wanted = [{ partitionIndexes: [0] }];
      const answer = await fetchOffsets(new GroupConnection(node), version, wanted);
      const errorCode = code("COORDINATOR_LOAD_IN_PROGRESS");
      const ofPartition = { errorCode: 0, topics: [{ partitions: [{ errorCode }] }] };
      expect(answer).toMatchObject(version === 1 ? ofPartition : { errorCode, topics: [] });
    },
  );
});

describe("OffsetDelete", () => {
  test("deletes what is there, and says what is not a topic", async () => {
    const { connection } = await connect();
    await connection.node.commit("g", "orders", 7);
    const partitions = [{ partitionIndex: 0 }, { partitionIndex: 5 }];
    const topics = ["orders", "nothing"].map((name) => ({ name, partitions }));
    const answer = await connection.call("OffsetDelete", 0, { groupId: "g", topics });
    const unknown = code("UNKNOWN_TOPIC_OR_PARTITION");
    const errors = answer.topics.map((topic) => topic.partitions.map((one) => one.errorCode));
    expect({ errorCode: answer.errorCode, errors }).toEqual({
      errorCode: 0,
      errors: [
        [0, unknown],
        [unknown, unknown],
      ],
    });
    expect(connection.node.offsets("g")).toEqual([]);
  });

  test("a topic that comes while the group answers does not change the answer", async () => {
    const disk = new SimulatedDisk();
    const node = await GroupBroker.open({}, undefined, disk);
    await node.createTopic("orders", 1);
    await node.commit("g", "orders", 7);
    const isMade = Promise.withResolvers<void>();
    disk.fault = async (_, path) => {
      if (path.startsWith("__consumer_offsets-")) await isMade.promise;
    };
    const partitions = [{ partitionIndex: 0 }];
    const topics = ["late", "orders"].map((name) => ({ name, partitions }));
    const asked = new GroupConnection(node).call("OffsetDelete", 0, { groupId: "g", topics });
    await node.createTopic("late", 1);
    isMade.resolve();
    const errors = (await asked).topics.map((topic) => topic.partitions[0]?.errorCode);
    expect(errors).toEqual([code("UNKNOWN_TOPIC_OR_PARTITION"), 0]);
  });

  test("of an unknown group says so", async () => {
    const { connection } = await connect();
    const answer = await connection.call("OffsetDelete", 0, { groupId: "g", topics: [] });
    expect(answer).toMatchObject({ errorCode: code("GROUP_ID_NOT_FOUND"), topics: [] });
  });
});

describe("DescribeGroups", () => {
  test.each(versionsOf("DescribeGroups"))("version %i shows a group", async (version) => {
    const { connection } = await connect();
    const memberId = await connection.node.stabilize("g", { instanceId: "i" });
    const answer = await connection.call("DescribeGroups", version, {
      groups: ["g"],
      ...(version >= 3 ? { includeAuthorizedOperations: true } : {}),
    });
    const member = { memberId, memberMetadata: bytes("range"), memberAssignment: bytes("mine") };
    expect(answer.groups).toMatchObject([
      {
        errorCode: 0,
        groupId: "g",
        groupState: "Stable",
        protocolType: "consumer",
        protocolData: "range",
        members: [{ ...member, groupInstanceId: version >= 4 ? "i" : null }],
        // READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS
        authorizedOperations: version >= 3 ? 0b1101_0100_1000 : -2_147_483_648,
      },
    ]);
  });

  test.each(versionsOf("DescribeGroups"))("version %i shows an unknown group", async (version) => {
    const { connection } = await connect();
    const { groups } = await connection.call("DescribeGroups", version, { groups: ["g"] });
    const errorCode = version < 6 ? 0 : code("GROUP_ID_NOT_FOUND");
    expect(groups).toMatchObject([{ errorCode, groupId: "g", groupState: "Dead", members: [] }]);
  });
});

describe("ListGroups", () => {
  test.each(versionsOf("ListGroups"))("version %i lists all", async (version) => {
    const { connection } = await connect();
    await connection.node.stabilize("g");
    await connection.node.commit("h", "orders", 1);
    const answer = await connection.call("ListGroups", version, {});
    expect(answer.errorCode).toBe(0);
    const groups = answer.groups.toSorted((one, other) => (one.groupId < other.groupId ? -1 : 1));
    expect(groups).toMatchObject([
      { groupId: "g", protocolType: "consumer", groupState: version < 4 ? "" : "Stable" },
      { groupId: "h", protocolType: "", groupType: version < 5 ? "" : "classic" },
    ]);
  });

  test.each([
    [{ statesFilter: ["stable"] }, ["g"]],
    [{ statesFilter: [" EMPTY ", "Dead"] }, ["h"]],
    [{ typesFilter: ["Classic"] }, ["g", "h"]],
    [{ typesFilter: ["consumer"] }, []],
    [{ statesFilter: ["Stable"], typesFilter: ["share"] }, []],
  ])("lists those that pass %j", async (filter, names) => {
    const { connection } = await connect();
    await connection.node.stabilize("g");
    await connection.node.commit("h", "orders", 1);
    const { groups } = await connection.call("ListGroups", 5, filter);
    expect(groups.map(({ groupId }) => groupId).toSorted()).toEqual(names);
  });
});

describe("DeleteGroups", () => {
  test.each(versionsOf("DeleteGroups"))("version %i answers each group", async (version) => {
    const { connection } = await connect();
    await connection.node.stabilize("busy");
    await connection.node.commit("idle", "orders", 1);
    const groupsNames = ["busy", "idle", "nobody"];
    const { results } = await connection.call("DeleteGroups", version, { groupsNames });
    expect(results.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ["busy", code("NON_EMPTY_GROUP")],
      ["idle", 0],
      ["nobody", code("GROUP_ID_NOT_FOUND")],
    ]);
  });
});
