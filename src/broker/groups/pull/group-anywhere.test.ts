import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DoorAnswer, ForwardingWorld } from "../../../../test/support/forwarding-world.ts";
import { formatUuid } from "../../../base/uuid.ts";
import { groupPartition } from "../../../groups/group-partition.ts";
import { offsetsTopic } from "../../topics/internal-topics.ts";

const nodeIds = [1, 2, 3];
const json = { "content-type": "application/json" };
let world: ForwardingWorld;

beforeEach(async () => {
  world = await ForwardingWorld.open(3);
  await world.create("orders");
  for (const partition of [0, 1, 2]) await append(partition, `first ${partition}`);
});
afterEach(() => world.close());

async function append(partition: number, body: string, at = 1): Promise<void> {
  const path = `/v1/topics/orders/records?partition=${partition}`;
  expect(await world.http(at, "POST", path, { body })).toMatchObject({ status: 201 });
}

function call(id: number, what: string, body: object): Promise<DoorAnswer> {
  const asked = { headers: json, body: JSON.stringify(body) };
  return world.http(id, "POST", `/v1/groups/g/${what}`, asked);
}

const fetchAt = (id: number, more: object = {}) =>
  call(id, "fetch", { topics: ["orders"], member: "m", ...more });

const valuesOf = ({ json: told }: DoorAnswer): string[] =>
  (told["records"] as { value: string }[]).map(({ value }) => value).toSorted();

/** The partition of the offsets topic that holds group g, at a node. */
function groupLogAt(id: number) {
  const topic = world.cluster.node(id).topic(offsetsTopic);
  return topic?.partitions[groupPartition("g", topic.partitions.length)];
}

const coordinatorOf = (ids: number[]): number =>
  ids.find((id) => groupLogAt(id)?.absence === undefined) ?? -1;

test("a member may call another node each time, and gets each record once it is due", async () => {
  const first = await fetchAt(1);
  expect(first).toMatchObject({ status: 200, json: { joined: true, member: "m" } });
  expect(valuesOf(first)).toEqual(["first 0", "first 1", "first 2"]);
  expect(valuesOf(await fetchAt(2))).toEqual(["first 0", "first 1", "first 2"]);
  const { cursor } = first.json;
  expect(await call(3, "ack", { member: "m", cursor })).toMatchObject({ status: 200 });
  for (const id of nodeIds) expect(valuesOf(await fetchAt(id))).toEqual([]);
  await append(1, "second");
  for (const id of nodeIds) expect(valuesOf(await fetchAt(id))).toEqual(["second"]);
  expect(await call(2, "leave", { member: "m" })).toMatchObject({ status: 204 });
  expect(await call(1, "leave", { member: "m" })).toMatchObject({ status: 409 });
});

test.each(nodeIds)("a fetch that waits at node %i ends with what comes elsewhere", async (id) => {
  const { cursor } = (await fetchAt(id)).json;
  await call(id, "ack", { member: "m", cursor });
  for (const partition of [0, 1, 2]) {
    const waiting = fetchAt(id, { wait: "30s" });
    await world.cluster.tick(500);
    await append(partition, `news ${partition}`);
    const fetched = await waiting;
    expect(valuesOf(fetched)).toEqual([`news ${partition}`]);
    await call(id, "ack", { member: "m", cursor: fetched.json["cursor"] });
  }
});

test("a group is described, listed, moved and deleted at any node", async () => {
  await fetchAt(2);
  for (const id of nodeIds) {
    const described = await world.http(id, "GET", "/v1/groups/g");
    expect(described).toMatchObject({ status: 200, json: { members: [{ member: "m" }] } });
    const listed = await world.http(id, "GET", "/v1/groups");
    expect(listed).toMatchObject({ status: 200, json: { groups: [{ group: "g" }] } });
    expect(await world.http(id, "DELETE", "/v1/groups/g")).toMatchObject({ status: 409 });
  }
  await call(1, "leave", { member: "m" });
  for (const id of nodeIds) {
    const offsets = [{ topic: "orders", partition: 1, offset: id % 2 }];
    const body = JSON.stringify({ offsets });
    const moved = await world.http(id, "PUT", "/v1/groups/g/offsets", { headers: json, body });
    expect(moved).toMatchObject({ status: 200 });
    const told = await world.http(4 - id, "GET", "/v1/groups/g/offsets");
    const wanted: unknown = expect.arrayContaining([
      { topic: "orders", partition: 1, offset: id % 2, end: 1, lag: 1 - (id % 2), metadata: "" },
    ]);
    expect(told.json["offsets"]).toEqual(wanted);
  }
  const past = JSON.stringify({ offsets: [{ topic: "orders", partition: 1, offset: 9 }] });
  const refused = await world.http(3, "PUT", "/v1/groups/g/offsets", { headers: json, body: past });
  expect(refused).toMatchObject({ status: 416 });
  expect(await world.http(3, "DELETE", "/v1/groups/g")).toMatchObject({ status: 204 });
  for (const id of nodeIds) {
    expect(await world.http(id, "GET", "/v1/groups/g")).toMatchObject({ status: 404 });
  }
});

describe("when the node dies that coordinates a group", () => {
  test("its members go on where they were, with what they acknowledged", async () => {
    const first = await fetchAt(1);
    await call(1, "ack", { member: "m", cursor: first.json["cursor"] });
    const dying = coordinatorOf(nodeIds);
    await world.until("the group is on several nodes", () => {
      const others = nodeIds.filter((id) => id !== dying);
      return others.some((id) => groupLogAt(id)?.follower !== undefined);
    });
    world.crash(dying);
    const left = nodeIds.filter((id) => id !== dying);
    await world.until("another node coordinates it", () => coordinatorOf(left) > 0);
    const [at = 0] = left;
    await append(at - 1, "after", at);
    for (const id of left) {
      const fetched = await fetchAt(id);
      expect(fetched).toMatchObject({ status: 200, json: { joined: false, member: "m" } });
      expect(valuesOf(fetched)).toEqual(["after"]);
    }
  });

  test("the new one answers nothing before it knows all that was committed", async () => {
    const { cluster } = world;
    await fetchAt(1);
    const ack = (id: number, offset: number) =>
      call(id, "ack", { member: "m", offsets: [{ topic: "orders", partition: 0, offset }] });
    expect(await ack(1, 0)).toMatchObject({ status: 200 });
    const id = cluster.node(1).topic(offsetsTopic)?.id ?? new Uint8Array(16);
    const chain = cluster.node(1).cluster.image.chain(formatUuid(id), groupLogAt(1)?.index ?? 0);
    const [head = 0, next = 0, tail = 0] = chain?.config.members.map((one) => one.id) ?? [];
    // What is acknowledged next is on its way to the tail when the head dies.
    cluster.network.block(next, tail);
    const before = groupLogAt(next)?.follower?.end ?? 0;
    const late = ack(head, 1).catch(() => undefined);
    await world.until("the next one has it", () => (groupLogAt(next)?.follower?.end ?? 0) > before);
    world.crash(head);
    await world.until("it coordinates the group", () => groupLogAt(next)?.absence === undefined);
    await cluster.tick(1_000);
    expect(cluster.node(next).broker.groups.refusal("g")).toBe("COORDINATOR_LOAD_IN_PROGRESS");
    cluster.network.unblock(next, tail);
    await world.until(
      "it has loaded",
      () => cluster.node(next).broker.groups.refusal("g") === null,
    );
    const wanted = [{ topic: "orders", partition: 0 }];
    const { offsets } = cluster.node(next).broker.groups.fetchOffsets("g", wanted);
    expect(offsets).toMatchObject([{ offset: 1 }]);
    await late;
  });
});
