import { afterEach, describe, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { changeTopic } from "../../topics/change-topic.ts";
import { electLeaders } from "../../reassignment/elect-leaders.ts";
import type { ClusterAdministration } from "../plans/cluster-administration.ts";
import type { PlacedPartition } from "./placed-partition.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];

const partitionAt = (id: number) =>
  world.node(id).topic("orders")?.partitions[0] as PlacedPartition | undefined;
const headId = (ids = all): number =>
  ids.find((id) => partitionAt(id)?.absence === undefined && partitionAt(id) !== undefined) ?? -1;
const configAt = (id: number) => [...world.node(id).cluster.image.chains.values()][0]?.config;
const hasTold = (id: number, what: string): boolean =>
  world
    .node(id)
    .log.withLevel("error")
    .some(({ message }) => message === what);

async function append(value: string, ids = all, producerId?: number): Promise<number> {
  const producer = producerId !== undefined && { producerId, producerEpoch: 0, baseSequence: 0 };
  const bytes = batchOf([value], producer || {});
  const batch = await world.send(headId(ids), "orders", bytes);
  expect(batch.error).toBeUndefined();
  return batch.appended?.baseOffset ?? -1;
}

test("a coordinator restored from a backup: chains go on from their newest logs", async () => {
  world = await ClusterWorld.open(3);
  await world.create(1, "orders", { replicas: 3 });
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await append("a")).toBe(0);
  const backup = world.store.backUp();
  // A member dies and comes back: two epochs, and a record in the second of them.
  const dead = world.node(headId());
  dead.crash();
  const left = all.filter((id) => id !== dead.id);
  await world.driveUntil("another leads", () => headId(left) > 0);
  expect(await append("b", left)).toBe(1);
  await world.drive(world.start(dead.id, {}, dead.disk));
  await world.driveUntil("it is a member again", () => configAt(headId())?.members.length === 3);
  expect(await append("c")).toBe(2);
  const epochBefore = configAt(1)?.epoch ?? 0;
  const seen = new Set<number>();
  world.node(1).cluster.onImage(() => void seen.add(configAt(1)?.epoch ?? -1));
  world.store.restore(backup);
  await world.driveUntil("the old state is seen", () => seen.has(1));
  await world.driveUntil("there is a newer epoch", () => (configAt(1)?.epoch ?? 0) > epochBefore);
  await world.driveUntil(
    "the chain is whole",
    () => configAt(1)?.members.length === 3 && headId() > 0,
  );
  // None that was there before is there again, with other records.
  const again = [...seen].filter((epoch) => epoch > 1 && epoch <= epochBefore);
  expect(again).toEqual([]);
  expect(await append("d")).toBe(3);
  for (const id of all) expect(partitionAt(id)?.placement.log?.end).toBe(4);
});

/** The coordinator goes back to before node 3 died; what came after is on the others. */
async function restoredWithoutNode3(configs: Readonly<Record<string, string>> = {}, count = 2) {
  world = await ClusterWorld.open(3);
  const own = new Map(Object.entries(configs));
  await world.create(1, "orders", { replicas: 3, configs: own });
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await append("a")).toBe(0);
  const backup = world.store.backUp();
  world.node(3).crash();
  const left = [1, 2];
  await world.driveUntil(
    "the others go on",
    () => headId(left) > 0 && configAt(1)?.members.length === 2,
  );
  // Epochs that the old state can not come to by itself.
  const restarted = world.node(2);
  restarted.crash();
  await world.driveUntil(
    "one goes on",
    () => headId([1]) === 1 && configAt(1)?.members.length === 1,
  );
  await world.drive(world.start(2, {}, restarted.disk));
  await world.driveUntil("there are two again", () => configAt(1)?.members.length === 2);
  for (let at = 1; at < count; at += 1) expect(await append("b", left)).toBe(at);
  world.store.restore(backup);
  await world.tick(60_000);
  const why = "the coordinator's state is older than the logs, and nodes 3 are away";
  const { stuck } = await world.drive(administration().status());
  expect(stuck).toMatchObject([{ why }]);
  return left;
}

const administration = () => world.node(1).broker.administration as ClusterAdministration;

test("a restored coordinator waits no more for a node once it is removed", async () => {
  const left = await restoredWithoutNode3();
  await world.drive(administration().changeSeat(3, { seat: "leaving", isGone: true }));
  await world.driveUntil("it goes on", () => headId(left) > 0);
  expect(await append("c", left)).toBe(2);
  // It comes back after all: what it has is older, and it takes what the others have.
  await world.drive(world.start(3, {}, world.node(3).disk));
  await world.driveUntil("it has all", () => partitionAt(3)?.placement.log?.end === 3);
});

const uncleanly = { "unclean.leader.election.enable": "true" };

async function electUncleanly(): Promise<void> {
  const ask = { kind: "unclean", partitions: undefined, timeoutMs: 5_000 } as const;
  const answers = await world.drive(electLeaders(world.node(2).broker, ask));
  expect(answers).toEqual([{ topic: "orders", partition: 0 }]);
  await world.driveUntil("it goes on", () => headId([1, 2]) > 0);
}

test.each([1, 2])(
  "an unclean election goes on past a node that a restored coordinator waits for: %i records",
  async (count) => {
    await restoredWithoutNode3(uncleanly, count);
    await electUncleanly();
    expect(await append("c", [1, 2])).toBe(count);
  },
);

test("so it does where not all remember what came after the backup", async () => {
  await restoredWithoutNode3(uncleanly, 1);
  const first = world.node(configAt(2)?.replicas.find((id) => id !== 3) ?? 0);
  first.crash();
  await world.tick(30_000);
  await first.disk.remove("xylem.chains");
  await world.drive(world.start(first.id, {}, first.disk));
  await world.tick(10_000);
  await electUncleanly();
});

test("partitions from after a backup come back when their topic grows again", async () => {
  world = await ClusterWorld.open(3);
  await world.create(1, "orders", { replicas: 3 });
  const backup = world.store.backUp();
  const { topics } = world.node(1).broker;
  await world.drive(topics.addPartitions("orders", 3));
  const of = (id: number) => world.node(id).topic("orders")?.partitions[2];
  const head = (): number => all.find((id) => of(id)?.absence === undefined && of(id)) ?? -1;
  await world.driveUntil("there is a head", () => head() > 0);
  const sent = await world.send(head(), "orders", batchOf(["a"]), { index: 2 });
  expect(sent.error).toBeUndefined();
  world.store.restore(backup);
  await world.driveUntil("nobody leads it", () => head() < 0);
  await world.tick(20_000);
  const change = { name: "orders", partitions: 3, configs: [] };
  await world.drive(changeTopic(world.node(1).broker, change));
  await world.driveUntil("there is a head again", () => head() > 0);
  const again = await world.send(head(), "orders", batchOf(["b"]), { index: 2 });
  expect([again.error, again.appended?.baseOffset]).toEqual([undefined, 1]);
});

test("a topic that a restored coordinator does not know keeps its files", async () => {
  world = await ClusterWorld.open(3);
  const before = world.store.backUp();
  await world.create(1, "orders", { replicas: 3 });
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await append("a")).toBe(0);
  await world.driveUntil("all have it", () =>
    all.every((id) => partitionAt(id)?.placement.log?.end === 1),
  );
  const { entries } = await world.coordinator.read("");
  world.store.restore(before);
  const told = "the coordinator lost a topic that nobody deleted; its files are kept";
  await world.driveUntil("all tell", () => all.every((id) => hasTold(id, told)));
  // Longer than files of deleted topics are kept.
  await world.tick(120_000);
  const lost = entries.filter(({ key }) => /^(topics|chains|names)\//.test(key));
  const writes = lost.map(({ key, value }) => ({ key, value }));
  await world.coordinator.transact([], writes);
  await world.driveUntil("it is back", () =>
    all.every((id) => world.node(id).topic("orders") !== undefined),
  );
  await world.driveUntil("there is a head again", () => headId() > 0);
  expect(await append("b")).toBe(1);
});

test("nodes stop when their coordinator knows their cluster no more", async () => {
  const empty = { revision: 0, entries: new Map<never, never>() };
  world = await ClusterWorld.open(3);
  await world.create(1, "orders", { replicas: 3 });
  world.store.restore(empty);
  const told = "this node has no place in its cluster any more: it stops";
  await world.driveUntil("all stop", () => all.every((id) => hasTold(id, told)));
});

describe("producer ids that were reserved after a backup", () => {
  /** By node 1, of two blocks; then the coordinator knows of none of it. */
  async function reserveThenRestore(): Promise<Set<number>> {
    world = await ClusterWorld.open(3);
    const { producerIds } = world.node(1).broker;
    const backup = world.store.backUp();
    const given = new Set<number>();
    for (let count = 0; count < 1_001; count += 1) given.add(await world.drive(producerIds.next()));
    await world.tick(1_000);
    world.store.restore(backup);
    await world.tick(5_000);
    return given;
  }

  const nextAt = (id: number): Promise<number> =>
    world.drive(world.node(id).broker.producerIds.next());

  test("are not given again by nodes that were told of them", async () => {
    const given = await reserveThenRestore();
    for (const id of all) {
      const next = await nextAt(id);
      expect(given).not.toContain(next);
      given.add(next);
    }
  });

  test("are not given again where all nodes were down meanwhile, if logs have them", async () => {
    world = await ClusterWorld.open(3);
    await world.create(1, "orders", { replicas: 3 });
    await world.driveUntil("there is a head", () => headId() > 0);
    const backup = world.store.backUp();
    let used = -1;
    while (used < 1_000) used = await nextAt(1);
    expect(await append("a", all, used)).toBe(0);
    await world.driveUntil("all have it", () =>
      all.every((id) => partitionAt(id)?.placement.log?.end === 1),
    );
    for (const id of all) world.node(id).crash();
    await world.tick(60_000);
    world.store.restore(backup);
    for (const id of all) await world.drive(world.start(id, {}, world.node(id).disk));
    for (const id of all) expect(await nextAt(id)).toBeGreaterThan(used);
  });

  test("are not given again by a node that started first, once others know of them", async () => {
    world = await ClusterWorld.open(3);
    const assignments = [{ index: 0, replicas: [3] }];
    await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
    await world.driveUntil("there is a head", () => headId() === 3);
    const backup = world.store.backUp();
    let used = -1;
    while (used < 1_500) used = await nextAt(1);
    expect(await append("a", all, used)).toBe(0);
    for (const id of all) world.node(id).crash();
    await world.tick(60_000);
    world.store.restore(backup);
    await world.drive(world.start(1, {}, world.node(1).disk));
    // It knows of none.
    expect(await nextAt(1)).toBeLessThan(used);
    await world.drive(world.start(3, {}, world.node(3).disk));
    await world.tick(1_000);
    expect(await nextAt(1)).toBeGreaterThan(used);
  });

  test("are not given again by nodes that start later either", async () => {
    const given = await reserveThenRestore();
    for (const id of all) {
      const node = world.node(id);
      node.crash();
      await world.drive(world.start(id, {}, node.disk));
      const next = await nextAt(id);
      expect(given).not.toContain(next);
      given.add(next);
    }
  });
});
