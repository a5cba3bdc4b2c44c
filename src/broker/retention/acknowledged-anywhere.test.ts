import { afterEach, beforeEach, expect, test } from "vitest";
import { ForwardingWorld } from "../../../test/support/forwarding-world.ts";
import { XylemClient } from "../../client/index.ts";
import { groupPartition } from "../../groups/group-partition.ts";
import { offsetsTopic } from "../topics/internal-topics.ts";

const nodeIds = [1, 2, 3];
let world: ForwardingWorld;

const clientAt = (id: number): XylemClient => new XylemClient(world.urlOf(id));

/** Ten records in each of three partitions, one on each node. */
beforeEach(async () => {
  world = await ForwardingWorld.open(3, { "offsets.topic.num.partitions": 6 });
  await world.create("orders");
  await configure({ "retention.acknowledged": true });
  const records = Array.from({ length: 30 }, (_, at) => ({ value: `${at}`, partition: at % 3 }));
  await world.cluster.drive(clientAt(1).append("orders", records));
});
afterEach(() => world.close());

async function configure(configs: Readonly<Record<string, string | boolean>>): Promise<void> {
  await world.cluster.drive(clientAt(1).topics.configure("orders", { configs }));
  await world.cluster.tick(1_000);
}

async function move(group: string, offsets: readonly number[]): Promise<void> {
  const wanted = offsets.map((offset, partition) => ({ topic: "orders", partition, offset }));
  await world.cluster.drive(clientAt(2).groups.moveOffsets(group, wanted));
}

/** After a pass on each node, as its own clock has it do. */
async function starts(ids = nodeIds): Promise<number[]> {
  const found = ids.map(async (id) => {
    const { broker } = world.cluster.node(id);
    await world.cluster.drive(broker.retention.evictAll());
    const log = broker.topics.find("orders")?.partitions[id - 1];
    return log?.logStart ?? -1;
  });
  return await Promise.all(found);
}

/** The node that coordinates it. */
function coordinatorOf(group: string): number {
  const headed = (id: number): boolean => {
    const topic = world.cluster.node(id).topic(offsetsTopic);
    const index = groupPartition(group, topic?.partitions.length ?? 1);
    return topic?.partitions[index]?.absence === undefined;
  };
  return nodeIds.find(headed) ?? 0;
}

/** Groups of which each is coordinated by another node. */
async function spread(): Promise<string[]> {
  await move("g0", [1, 1, 1]);
  const names = Array.from({ length: 60 }, (_, at) => `g${at}`);
  const found = nodeIds.map((id) => names.find((name) => coordinatorOf(name) === id) ?? "");
  expect(new Set(found).size).toBe(3);
  await world.cluster.drive(clientAt(1).groups.delete("g0"));
  return found;
}

test("what the groups of all nodes have passed goes, on whichever node it lies", async () => {
  const [one = "", two = "", three = ""] = await spread();
  await move(one, [8, 8, 8]);
  await move(two, [9, 3, 9]);
  expect(await starts()).toEqual([8, 3, 8]);
  await move(three, [9, 9, 8]);
  expect(await starts()).toEqual([8, 3, 8]);
  await move(one, [10, 10, 10]);
  await move(two, [10, 10, 10]);
  expect(await starts()).toEqual([9, 9, 8]);
  await configure({ "retention.acknowledged.groups": `${one},new` });
  expect(await starts()).toEqual([9, 9, 8]);
  await move("new", [10, 9, 10]);
  expect(await starts()).toEqual([10, 9, 10]);
});

test("nothing goes, and the log says so, while a node does not tell of its groups", async () => {
  const [one = "", two = ""] = await spread();
  await move(one, [8, 8, 8]);
  await move(two, [9, 9, 9]);
  const { network, clock } = world.cluster;
  network.block(1, 2);
  network.block(2, 1);
  const startMs = clock.monotonicMs();
  expect(await starts([1])).toEqual([0]);
  expect(clock.monotonicMs() - startMs).toBeLessThan(20_000);
  const told = "records are kept: not all groups could tell what they have acknowledged";
  const { log } = world.cluster.node(1);
  expect(log.withLevel("warn").filter(({ message }) => message === told)).toMatchObject([
    { fields: { topics: "orders", silent: expect.stringMatching(/^node 2: /) as string } },
  ]);
  network.unblock(1, 2);
  network.unblock(2, 1);
  await world.cluster.tick(5_000);
  expect(await starts()).toEqual([8, 8, 8]);
});
