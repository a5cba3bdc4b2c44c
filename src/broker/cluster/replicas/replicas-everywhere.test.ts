import { afterEach, beforeEach, expect, test } from "vitest";
import { ForwardingWorld } from "../../../../test/support/forwarding-world.ts";
import { formatSeat, seatKey } from "../../../replication/placement/seat.ts";
import type { ChainConfig } from "../../../replication/chain-config.ts";
import { alterReassignment } from "../../reassignment/alter-reassignment.ts";
import type { PlacedPartition } from "./placed-partition.ts";

let world: ForwardingWorld;
beforeEach(async () => {
  world = await ForwardingWorld.open(3);
});
afterEach(() => world.close());

const configs = new Map([["replicas", "all"]]);
const partitionAt = (id: number): PlacedPartition =>
  world.cluster.node(id).topic("orders")?.partitions[0] as PlacedPartition;

function chain(): ChainConfig {
  const [only] = world.cluster.node(1).cluster.image.chains.values();
  return (only as { config: ChainConfig }).config;
}
const members = (): number[] =>
  chain()
    .members.map(({ id }) => id)
    .toSorted(ascending);

async function create(more: Readonly<Record<string, unknown>> = { configs }): Promise<void> {
  await world.cluster.create(1, "orders", { partitions: 1, replicas: -1, ...more });
  await world.until("it is led", () => [1, 2, 3].some((id) => !partitionAt(id).absence));
}

async function append(at: number, value: string): Promise<void> {
  const headers = { "content-type": "text/plain" };
  const path = "/v1/topics/orders/records";
  const { status } = await world.http(at, "POST", path, { body: value, headers });
  expect(status).toBe(201);
}

async function read(at: number): Promise<unknown[]> {
  const path = "/v1/topics/orders/partitions/0/records?offset=earliest";
  const { json } = await world.http(at, "GET", path);
  return (json["records"] as { value: unknown }[]).map(({ value }) => value);
}

const ascending = (a: number, b: number): number => a - b;

const endAt = (id: number): number => partitionAt(id).placement.log?.end ?? -1;

test("what is written on one node of such a topic is on all, and read there", async () => {
  await create();
  expect(members()).toEqual([1, 2, 3]);
  for (const id of [1, 2, 3]) await append(id, `from ${id}`);
  for (const id of [1, 2, 3]) expect(await read(id)).toEqual(["from 1", "from 2", "from 3"]);
  expect([1, 2, 3].map(endAt)).toEqual([3, 3, 3]);
});

test("whichever node restarts again and again, its copy is the same in the end", async () => {
  await create();
  let count = 0;
  for (const id of [2, 3, 1, 2]) {
    await append(1, String(count));
    const former = await world.stop(id);
    await append(id === 1 ? 2 : 1, String(count + 1));
    count += 2;
    await world.cluster.drive(world.restart(former));
    await world.until("all are members", () => members().length === 3);
  }
  await world.until("all have all", () => [1, 2, 3].every((id) => endAt(id) === count));
  const expected = Array.from({ length: count }, (_, at) => String(at));
  for (const id of [1, 2, 3]) expect(await read(id)).toEqual(expected);
});

test("a node that comes later has its copies with the plan that gives it a place", async () => {
  await create();
  await append(1, "a");
  await world.cluster.drive(world.cluster.start(4));
  await world.cluster.tick(20_000);
  expect(members()).toEqual([1, 2, 3]);
  const seat = { id: 4, rack: "", weight: 1, state: "valid" } as const;
  const write = { key: seatKey(4), value: formatSeat(seat) };
  await world.cluster.drive(world.cluster.coordinator.transact([], [write]));
  await world.until("it is a member", () => members().length === 4);
  expect(endAt(4)).toBe(1);
  await world.until("it is told", () => chain().replicas.length === 4);
});

test("a topic that becomes one that is everywhere gets copies on all nodes", async () => {
  await create({ replicas: 1 });
  await append(1, "a");
  const { topics } = world.cluster.node(2).broker;
  await world.cluster.drive(topics.configure("orders", () => configs));
  await world.until("it has three", () => members().length === 3);
  expect([1, 2, 3].map(endAt)).toEqual([1, 1, 1]);
  await world.cluster.drive(topics.addPartitions("orders", 2));
  await world.until("so has its next partition", () => {
    const chains = [...world.cluster.node(1).cluster.image.chains.values()];
    return chains.length === 2 && chains.every(({ config }) => config.members.length === 3);
  });
});

test("a number of replicas, or other nodes by hand, are refused; an order is not", async () => {
  const { broker } = world.cluster.node(1);
  const asked = { name: "other", partitions: 1, replicas: 2, configs };
  const wrongFactor = { code: "INVALID_REPLICATION_FACTOR" };
  await expect(broker.topics.create(asked)).rejects.toMatchObject(wrongFactor);
  await create();
  const ask = { topic: "orders", partition: 0, mayResize: true };
  const fewer = alterReassignment(broker, { ...ask, replicas: [1, 2] });
  await expect(fewer).rejects.toMatchObject({ code: "INVALID_REPLICA_ASSIGNMENT" });
  const [first = 0, second = 0, third = 0] = chain().replicas;
  const order = [third, first, second];
  await world.cluster.drive(alterReassignment(broker, { ...ask, replicas: order }));
  await world.until("the order is another", () => chain().replicas[0] === third);
  expect(chain().replicas).toEqual(order);
});

test("a topic that is ensured again has as many replicas as it has", async () => {
  const ensure = async (at: number, replicas: number) => {
    const headers = { "content-type": "application/json" };
    const asked = { body: JSON.stringify({ partitions: 1, replicas }), headers };
    return await world.http(at, "PUT", "/v1/topics/three", asked);
  };
  expect((await ensure(1, 3)).status).toBe(201);
  await world.until("all know it", () =>
    [1, 2, 3].every((id) => world.cluster.node(id).topic("three") !== undefined),
  );
  expect((await ensure(2, 3)).status).toBe(200);
  const { status, json } = await ensure(3, 2);
  expect(status).toBe(409);
  expect(json["differences"]).toEqual([{ name: "replicas", is: 3, asked: 2 }]);
});
