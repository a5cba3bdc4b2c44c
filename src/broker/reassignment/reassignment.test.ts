import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../test/support/cluster-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import { placeOf } from "../cluster/partition-place.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { alterReassignment } from "./alter-reassignment.ts";
import { listReassignments } from "./list-reassignments.ts";

let world: ClusterWorld;
beforeEach(async () => {
  world = await ClusterWorld.open(4);
});
afterEach(() => world.close());

const ids = [1, 2, 3, 4];

async function create(replicas: number[], configs: Readonly<Record<string, string>> = {}) {
  const assignments = [{ index: 0, replicas }];
  const asked = { assignments, partitions: -1, replicas: -1 };
  await world.create(1, "orders", { ...asked, configs: new Map(Object.entries(configs)) });
  await world.driveUntil("there is a head", () => headId() > 0);
}

const partitionAt = (id: number): PartitionLog =>
  world.node(id).topic("orders")?.partitions[0] as PartitionLog;
const headId = (): number => ids.find((id) => partitionAt(id)?.absence === undefined) ?? -1;

function chain(): ChainConfig {
  const [only] = world.node(1).cluster.image.chains.values();
  return (only as { config: ChainConfig }).config;
}

const members = (): number[] => chain().members.map(({ id }) => id);

async function append(...values: string[]): Promise<void> {
  const batch = await world.send(headId(), "orders", batchOf(values));
  expect(batch.error).toBeUndefined();
}

/** Asks a node; any will do. */
function move(replicas: number[] | null, at = 3, mayResize = true): Promise<void> {
  const ask = { topic: "orders", partition: 0, replicas, mayResize };
  return world.drive(alterReassignment(world.node(at).broker, ask));
}

async function untilWithoutFiles({ disk }: ClusterNode): Promise<void> {
  for (let step = 0; step < 1_000; step += 1) {
    if (!(await disk.list("")).some(({ name }) => name === "orders-0")) return;
    await world.tick(50);
  }
  throw new Error("the files are still there");
}

describe("a partition that is reassigned", () => {
  test("goes to the nodes that are named, with its records, and leaves the others", async () => {
    await create([1, 2]);
    await append("a", "b");
    await move([4, 3]);
    await world.driveUntil("it is there", () => chain().target === undefined);
    expect(chain().replicas).toEqual([4, 3]);
    expect(new Set(members())).toEqual(new Set([3, 4]));
    expect(partitionAt(headId()).committed).toBe(2);
    await append("c");
    for (const id of [1, 2]) await untilWithoutFiles(world.node(id));
  });

  test("is told with those that come and those that go, on every node", async () => {
    await create([1, 2]);
    world.network.block(2, 3);
    await move([2, 3]);
    const moving = { partition: 0, replicas: [2, 3, 1], adding: [3], removing: [1] };
    await world.until("all know", ({ broker }) => listReassignments(broker, undefined).length > 0);
    for (const id of ids) {
      const { broker } = world.node(id);
      const told = [{ topic: "orders", partitions: [moving] }];
      expect(listReassignments(broker, undefined)).toEqual(told);
      expect(listReassignments(broker, new Map([["orders", [0, 0, 7]]]))).toEqual(told);
      expect(listReassignments(broker, new Map([["nothing", [0]]]))).toEqual([]);
      const { id: topicId } = world.node(id).topic("orders") as { id: Uint8Array };
      const { replicas, adding, removing } = placeOf(broker, topicId, partitionAt(id));
      expect({ replicas, adding, removing }).toMatchObject({ adding: [3], removing: [1] });
    }
    world.network.unblock(2, 3);
    await world.driveUntil("it is there", () => chain().target === undefined);
    expect(listReassignments(world.node(1).broker, undefined)).toEqual([]);
  });

  test("gets more replicas, and fewer", async () => {
    await create([1]);
    await append("a");
    await move([1, 2, 3]);
    await world.driveUntil("it has three", () => chain().target === undefined);
    expect(members()).toEqual([1, 2, 3]);
    await move([3]);
    await world.driveUntil("it has one", () => chain().target === undefined);
    expect(members()).toEqual([3]);
    expect(partitionAt(3).committed).toBe(1);
  });

  test("is brought back when that is cancelled", async () => {
    await create([1, 2]);
    world.network.block(2, 3);
    await move([2, 3]);
    await world.driveUntil("it begins", () => chain().joining.length === 1);
    await move(null);
    await world.driveUntil("nobody joins", () => chain().joining.length === 0);
    expect(chain().target).toBeUndefined();
    expect(chain().replicas).toEqual([1, 2]);
    expect(members()).toEqual([1, 2]);
    await append("a");
  });

  test("goes where it was told last", async () => {
    await create([1]);
    world.network.block(1, 2);
    await move([2]);
    await move([4]);
    await world.driveUntil("it is there", () => chain().target === undefined);
    expect(members()).toEqual([4]);
  });

  test("takes records all the time, and loses none", async () => {
    await create([1, 2]);
    await move([3, 4]);
    for (let count = 0; count < 20; count += 1) {
      await world.driveUntil("there is a head", () => headId() > 0);
      await append(String(count));
    }
    await world.driveUntil("it is there", () => chain().target === undefined);
    expect(partitionAt(headId()).committed).toBe(20);
  });

  test("goes on under another controller", async () => {
    await create([2, 3]);
    const controller = world.node(2).cluster.image.controller?.id ?? -1;
    world.network.block(3, 4);
    await move([2, 4], 3);
    world.node(controller).crash();
    world.network.unblock(3, 4);
    const config = (): ChainConfig => {
      const [only] = world.node(2).cluster.image.chains.values();
      return (only as { config: ChainConfig }).config;
    };
    await world.driveUntil("it is there", () => config().target === undefined);
    expect(config().replicas).toEqual([2, 4]);
  });
});

describe("a reassignment is refused", () => {
  test.each<[string, number[] | null, string]>([
    ["an empty list", [], "INVALID_REPLICA_ASSIGNMENT"],
    ["a node twice", [1, 1], "INVALID_REPLICA_ASSIGNMENT"],
    ["a node that nobody knows", [1, 9], "INVALID_REPLICA_ASSIGNMENT"],
    ["a negative one", [-1, 1], "INVALID_REPLICA_ASSIGNMENT"],
    ["the end of what has not begun", null, "NO_REASSIGNMENT_IN_PROGRESS"],
  ])("%s", async (_, replicas, code) => {
    await create([1, 2]);
    await expect(move(replicas)).rejects.toMatchObject({ code });
    expect(chain().target).toBeUndefined();
  });

  test("another number of replicas where that was not allowed", async () => {
    await create([1, 2]);
    const code = "INVALID_REPLICATION_FACTOR";
    await expect(move([1, 2, 3], 1, false)).rejects.toMatchObject({ code });
    await move([2, 1], 1, false);
    await world.driveUntil("the order is another", () => chain().replicas[0] === 2);
  });

  test("a partition that is not there", async () => {
    await create([1]);
    const { broker } = world.node(2);
    const ask = { topic: "orders", partition: 1, replicas: [2], mayResize: true };
    const code = "UNKNOWN_TOPIC_OR_PARTITION";
    await expect(alterReassignment(broker, ask)).rejects.toMatchObject({ code });
    const other = { ...ask, topic: "nothing", partition: 0 };
    await expect(alterReassignment(broker, other)).rejects.toMatchObject({ code });
  });
});
