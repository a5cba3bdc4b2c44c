import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DoorAnswer, ForwardingWorld } from "../../../../test/support/forwarding-world.ts";
import { XylemClient } from "../../../client/index.ts";
import { groupPartition } from "../../../groups/group-partition.ts";
import { offsetsTopic } from "../../topics/internal-topics.ts";

const nodeIds = [1, 2, 3];
const json = { "content-type": "application/json" };
let world: ForwardingWorld;

beforeEach(async () => {
  // Who stands still stays in his chain.
  world = await ForwardingWorld.open(3, { "replica.lag.time.max.ms": 600_000 });
  await world.create("orders");
  for (const id of nodeIds) await fetchAt(id, `g${id}`);
  await world.until("groups are on all nodes", () => nodeIds.every((id) => isWhole(id)));
});
afterEach(() => world.close());

function call(id: number, path: string, body: object): Promise<DoorAnswer> {
  return world.http(id, "POST", path, { headers: json, body: JSON.stringify(body) });
}

const fetchAt = (id: number, group: string): Promise<DoorAnswer> =>
  call(id, `/v1/groups/${group}/fetch`, { topics: ["orders"], member: "m" });

function logAt(id: number, group: string) {
  const topic = world.cluster.node(id).topic(offsetsTopic);
  return topic?.partitions[groupPartition(group, topic.partitions.length)];
}

const isWhole = (id: number): boolean =>
  nodeIds.every((of) => {
    const log = logAt(id, `g${of}`);
    return log?.follower !== undefined || log?.inSyncCount === 3;
  });

const coordinatorOf = (group: string, among = nodeIds): number =>
  among.find((id) => logAt(id, group)?.absence === undefined) ?? 0;

const groupsAt = (id: number) => world.cluster.node(id).broker.groups;

/** Of all others of the cluster nothing arrives at the two, nor from them. */
function part(one: number, other: number): void {
  world.cluster.network.block(one, other);
  world.cluster.network.block(other, one);
}

/** The node that coordinates g1 next, which can not commit what it has; and the other one. */
async function moveToStuck(): Promise<readonly [number, number]> {
  const dying = coordinatorOf("g1");
  const [one = 0, other = 0] = nodeIds.filter((id) => id !== dying);
  const ends = (): number[] => [one, other].map((id) => logAt(id, "g1")?.follower?.end ?? 0);
  const before = ends();
  part(one, other);
  const body = { member: "m", offsets: [{ topic: "orders", partition: 0, offset: 0 }] };
  const late = call(dying, "/v1/groups/g1/ack", body).catch(() => undefined);
  await world.until("the next one has it", () => ends().some((end, at) => end > before[at]!));
  world.crash(dying);
  await world.until("another coordinates it", () => coordinatorOf("g1", [one, other]) > 0);
  await late;
  const next = coordinatorOf("g1", [one, other]);
  expect(groupsAt(next).refusal("g1")).toBe("COORDINATOR_LOAD_IN_PROGRESS");
  return [next, next === one ? other : one];
}

describe("a group whose node can not commit what it has", () => {
  test("is waited for as long as a request may take, and nobody waits on", async () => {
    const [next] = await moveToStuck();
    const { clock } = world.cluster;
    const startMs = clock.monotonicMs();
    const answers = await Promise.all([
      world.http(next, "GET", "/v1/groups/g1"),
      world.http(next, "GET", "/v1/groups/g1/offsets"),
      fetchAt(next, "g1"),
    ]);
    for (const { status, json: told } of answers) {
      expect([status, told["code"]]).toEqual([504, "REQUEST_TIMED_OUT"]);
    }
    expect(clock.monotonicMs() - startMs).toBeLessThan(35_000);
    expect(groupsAt(next).loading("g1").waitingCount).toBe(0);
  });

  test("is listed as missing, and the others are told", async () => {
    const [next] = await moveToStuck();
    const { status, json: told } = await world.http(next, "GET", "/v1/groups");
    expect([status, told["isPartial"]]).toEqual([200, true]);
    const why: unknown = expect.stringContaining("COORDINATOR_LOAD_IN_PROGRESS");
    expect(told["missing"]).toContainEqual({ node: next, why });
  });
});

test("a list of groups names the node that is silent, and tells what the others know", async () => {
  const silent = coordinatorOf("g1");
  const asked = nodeIds.find((id) => id !== silent) ?? 0;
  const all = await world.http(asked, "GET", "/v1/groups");
  expect(all.json).toMatchObject({ isPartial: false, missing: [] });
  const known = nodeIds.map((id) => `g${id}`).filter((name) => coordinatorOf(name) !== silent);
  part(silent, asked);
  const { clock } = world.cluster;
  const startMs = clock.monotonicMs();
  const { status, json: told } = await world.http(asked, "GET", "/v1/groups");
  expect(clock.monotonicMs() - startMs).toBeLessThan(15_000);
  expect([status, told["isPartial"]]).toEqual([200, true]);
  expect(told["missing"]).toEqual([{ node: silent, why: expect.any(String) as unknown }]);
  expect((told["groups"] as { group: string }[]).map(({ group }) => group)).toEqual(known);
  const listed = await world.cluster.drive(new XylemClient(world.urlOf(asked)).groups.list());
  expect(listed).toEqual({ ...told, missing: [{ node: silent, why: expect.any(String) }] });
});

describe("what was done of a group is no failure when its answer is lost", () => {
  /** The link breaks when it is done. */
  async function lose(path: string, method: string, body?: object): Promise<DoorAnswer> {
    const { cluster } = world;
    const there = coordinatorOf("g1");
    const asked = nodeIds.find((id) => id !== there) ?? 0;
    const before = logAt(there, "g1")?.end ?? 0;
    cluster.network.block(there, asked);
    const headers = body === undefined ? {} : json;
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answering = world.http(asked, method, `/v1/groups/g1${path}`, { headers, ...sent });
    await world.until("it is done there", () => (logAt(there, "g1")?.end ?? 0) > before);
    cluster.network.unblock(there, asked);
    cluster.network.cut(there, asked);
    return await answering;
  }

  test("a member that has left", async () => {
    expect(await lose("/leave", "POST", { member: "m" })).toMatchObject({ status: 204 });
  });

  test("a group that was deleted, and positions that were forgotten", async () => {
    await call(1, "/v1/groups/g1/leave", { member: "m" });
    expect(await lose("", "DELETE")).toMatchObject({ status: 204 });
    expect(await world.http(1, "DELETE", "/v1/groups/g1")).toMatchObject({ status: 404 });
    const offsets = [{ topic: "orders", partition: 0, offset: 0 }];
    const body = JSON.stringify({ offsets });
    await world.http(1, "PUT", "/v1/groups/g1/offsets", { headers: json, body });
    expect(await lose("/offsets", "DELETE")).toMatchObject({ status: 204 });
  });
});
