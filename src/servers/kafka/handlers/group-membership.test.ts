import { describe, expect, test } from "vitest";
import { GroupBroker } from "../../../../test/support/group-broker.ts";
import { code, GroupConnection, versionsOf } from "../../../../test/support/group-call.ts";
import { bytes } from "../../../../test/support/group-driver.ts";

const protocols = [{ name: "range", metadata: bytes("metadata") }];
const joining = {
  groupId: "g",
  sessionTimeoutMs: 10_000,
  memberId: "",
  protocolType: "consumer",
  protocols,
};

async function connect(): Promise<GroupConnection> {
  return new GroupConnection(await GroupBroker.open());
}

/** Joins as a client of that version does: again with the id it was told. */
async function join(connection: GroupConnection, version: number) {
  const request = { ...joining, ...(version >= 1 ? { rebalanceTimeoutMs: 60_000 } : {}) };
  const first = await connection.call("JoinGroup", version, request);
  if (first.errorCode !== code("MEMBER_ID_REQUIRED")) return first;
  return await connection.call("JoinGroup", version, { ...request, memberId: first.memberId });
}

async function stabilize(connection: GroupConnection): Promise<string> {
  const { memberId, generationId } = await join(connection, 9);
  const assignments = [{ memberId, assignment: bytes("mine") }];
  const request = { groupId: "g", generationId, memberId, assignments };
  const names = { protocolType: "consumer", protocolName: "range" };
  await connection.call("SyncGroup", 5, { ...request, ...names });
  return memberId;
}

describe("FindCoordinator", () => {
  test.each(versionsOf("FindCoordinator"))("version %i answers with this node", async (version) => {
    const connection = await connect();
    const request = version < 4 ? { key: "g" } : { coordinatorKeys: ["g", "h"] };
    const answer = await connection.call("FindCoordinator", version, request);
    const here = { nodeId: 1, host: "10.0.0.1", port: 9092, errorCode: 0 };
    const listed = ["g", "h"].map((key) => ({ key, ...here }));
    expect(answer).toMatchObject(version < 4 ? here : { coordinators: listed });
    expect(connection.node.broker.topics.find("__consumer_offsets")).toBeDefined();
  });

  test.each([
    ["a transaction", 3, 1, "COORDINATOR_NOT_AVAILABLE"],
    ["a share group before version 6", 3, 2, "INVALID_REQUEST"],
    ["something unknown", 3, 9, "INVALID_REQUEST"],
  ] as const)("of %s is refused", async (_, version, keyType, error) => {
    const connection = await connect();
    const answer = await connection.call("FindCoordinator", version, { key: "k", keyType });
    const nowhere = { nodeId: -1, host: "", port: -1 };
    expect(answer).toMatchObject({ errorCode: code(error), ...nowhere });
  });

  test("of a share group from version 6 tells that there is none", async () => {
    const connection = await connect();
    const request = { coordinatorKeys: ["k"], keyType: 2 };
    const { coordinators } = await connection.call("FindCoordinator", 6, request);
    expect(coordinators[0]?.errorCode).toBe(code("COORDINATOR_NOT_AVAILABLE"));
  });
});

describe("JoinGroup", () => {
  test.each(versionsOf("JoinGroup"))("version %i lets a member in", async (version) => {
    const connection = await connect();
    const answer = await join(connection, version);
    expect(answer).toMatchObject({
      errorCode: 0,
      generationId: 1,
      protocolType: version < 7 ? null : "consumer",
      protocolName: "range",
      leader: answer.memberId,
      members: [{ memberId: answer.memberId, metadata: bytes("metadata") }],
    });
    const described = connection.node.groups.describe("g");
    expect(described).toMatchObject({ members: [{ clientId: "app", clientHost: "/10.0.0.2" }] });
  });

  test.each(versionsOf("JoinGroup"))("version %i says what is wrong", async (version) => {
    const connection = await connect();
    const answer = await connection.call("JoinGroup", version, { ...joining, memberId: "x" });
    expect(answer).toMatchObject({
      errorCode: code("UNKNOWN_MEMBER_ID"),
      generationId: -1,
      protocolName: version < 7 ? "" : null,
      leader: "",
      memberId: "x",
      members: [],
    });
  });

  test("from version 4 a member is told its id first", async () => {
    const connection = await connect();
    const old = await connection.call("JoinGroup", 3, joining);
    expect(old.errorCode).toBe(0);
    const answer = await connection.call("JoinGroup", 4, { ...joining, groupId: "h" });
    expect(answer.errorCode).toBe(code("MEMBER_ID_REQUIRED"));
    expect(answer.memberId).toMatch(/^app-/);
  });

  test("version 0 takes the session timeout for the rebalance timeout", async () => {
    const connection = await connect();
    await join(connection, 0);
    const second = connection.call("JoinGroup", 0, joining);
    await connection.node.settle();
    await connection.node.advance("10s");
    expect(await second).toMatchObject({ errorCode: 0, generationId: 2 });
  });

  test("that waits when its connection ends is answered, and nothing stays parked", async () => {
    const connection = await connect();
    await stabilize(connection);
    const waiting = connection.call("JoinGroup", 3, joining);
    await connection.node.settle();
    expect(connection.parked.size).toBe(1);
    for (const parked of connection.parked) parked.expire();
    expect((await waiting).errorCode).toBe(code("COORDINATOR_NOT_AVAILABLE"));
    await connection.node.advance("60s");
    expect(connection.parked.size).toBe(0);
  });
});

describe("SyncGroup", () => {
  test.each(versionsOf("SyncGroup"))("version %i answers the assignment", async (version) => {
    const connection = await connect();
    const { memberId } = await join(connection, 9);
    const assignments = [{ memberId, assignment: bytes("mine") }];
    const names = version < 5 ? {} : { protocolType: "consumer", protocolName: "range" };
    const request = { groupId: "g", generationId: 1, memberId, assignments, ...names };
    const answer = await connection.call("SyncGroup", version, request);
    expect(answer).toMatchObject({ errorCode: 0, assignment: bytes("mine"), ...names });
  });

  test("from version 5 must name protocol type and protocol", async () => {
    const connection = await connect();
    const { memberId } = await join(connection, 9);
    const request = { groupId: "g", generationId: 1, memberId, assignments: [] };
    const answer = await connection.call("SyncGroup", 5, { ...request, protocolName: "range" });
    expect(answer.errorCode).toBe(code("INCONSISTENT_GROUP_PROTOCOL"));
  });
});

describe("Heartbeat", () => {
  test.each(versionsOf("Heartbeat"))("version %i is heard", async (version) => {
    const connection = await connect();
    const memberId = await stabilize(connection);
    const beat = { groupId: "g", memberId, generationId: 1 };
    expect((await connection.call("Heartbeat", version, beat)).errorCode).toBe(0);
    const late = await connection.call("Heartbeat", version, { ...beat, generationId: 0 });
    expect(late.errorCode).toBe(code("ILLEGAL_GENERATION"));
  });
});

describe("LeaveGroup", () => {
  test.each([0, 1, 2])("version %i takes one member out", async (version) => {
    const connection = await connect();
    const memberId = await stabilize(connection);
    const request = { groupId: "g", memberId };
    expect((await connection.call("LeaveGroup", version, request)).errorCode).toBe(0);
    const again = await connection.call("LeaveGroup", version, request);
    expect(again.errorCode).toBe(code("UNKNOWN_MEMBER_ID"));
  });

  test.each([3, 4, 5])("version %i answers each of several members", async (version) => {
    const connection = await connect();
    const memberId = await stabilize(connection);
    const members = [{ memberId }, { memberId: "x", groupInstanceId: "i" }];
    const answer = await connection.call("LeaveGroup", version, { groupId: "g", members });
    expect(answer).toMatchObject({
      errorCode: 0,
      members: [
        { memberId, errorCode: 0 },
        { memberId: "x", groupInstanceId: "i", errorCode: code("UNKNOWN_MEMBER_ID") },
      ],
    });
  });

  test("of an unknown group is of an unknown member, in its version's place", async () => {
    const connection = await connect();
    const unknown = code("UNKNOWN_MEMBER_ID");
    const one = await connection.call("LeaveGroup", 0, { groupId: "g", memberId: "m" });
    expect(one.errorCode).toBe(unknown);
    const members = [{ memberId: "m" }];
    const several = await connection.call("LeaveGroup", 5, { groupId: "g", members });
    expect(several).toMatchObject({ errorCode: 0, members: [{ errorCode: unknown }] });
  });
});
