import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { controllerKey } from "./controller-entry.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const controllerAt = (id: number) => world.node(id).cluster.image.controller?.id;

/** Of the chain that node 2 leads first, and of the one that node 1, the controller, does. */
function membersOf(first: number): readonly number[] {
  const chains = [...world.node(2).cluster.image.chains.values()];
  const chain = chains.find(({ config }) => config.replicas[0] === first);
  return chain?.config.members.map(({ id }) => id) ?? [];
}

async function open(): Promise<void> {
  world = new ClusterWorld(3);
  // Members complain of others before the controller is given up.
  for (const id of [1, 2, 3]) await world.start(id, { "replica.lag.time.max.ms": 2_000 });
  const assignments = [
    { index: 0, replicas: [2, 3, 1] },
    { index: 1, replicas: [1, 2, 3] },
  ];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await world.tick(2_000);
  expect([controllerAt(2), membersOf(1), membersOf(2)]).toEqual([1, [1, 2, 3], [2, 3, 1]]);
}

function part(other: number): void {
  world.network.block(1, other);
  world.network.block(other, 1);
  world.network.cut(1, other);
}

function unite(other: number): void {
  world.network.unblock(1, other);
  world.network.unblock(other, 1);
}

test("a controller that reaches the coordinator alone is followed by another one", async () => {
  await open();
  const inMinority: (readonly number[])[] = [];
  const note = (): boolean => {
    for (const first of [1, 2]) {
      if (!membersOf(first).some((id) => id > 1)) inMinority.push(membersOf(first));
    }
    return true;
  };
  for (const other of [2, 3]) part(other);
  await world.driveUntil("another one is", () => note() && Number(controllerAt(2)) > 1, {
    withinMs: 10_000,
  });
  const [by, at] = [controllerAt(2), membersOf(2)];
  await world.driveUntil(
    "it is in no chain",
    () => note() && [1, 2].every((first) => !membersOf(first).includes(1)),
    { withinMs: 120_000 },
  );
  expect([inMinority, at.slice(0, 2), controllerAt(3)]).toEqual([[], [2, 3], by]);
  const heads = world
    .node(2)
    .topic("orders")
    ?.partitions.map(({ absence }) => absence);
  expect(heads?.filter((absence) => absence === undefined).length).toBeGreaterThan(0);
  for (const other of [2, 3]) unite(other);
  await world.driveUntil("it is a member again", () => {
    return [1, 2].every((first) => membersOf(first).length === 3);
  });
});

/** It is the same office all the time. */
async function expectNoChange(forMs: number): Promise<void> {
  const officeAt = (): number => world.node(1).cluster.feed.revisionOf(controllerKey);
  const before = officeAt();
  for (let passedMs = 0; passedMs < forMs; passedMs += 1_000) {
    await world.tick(1_000);
    expect([controllerAt(1), officeAt()]).toEqual([1, before]);
  }
}

test("one that reaches one of the others stays", async () => {
  await open();
  part(2);
  await expectNoChange(20_000);
});

test("one whose others have no lease any more stays", async () => {
  await open();
  for (const other of [2, 3]) {
    part(other);
    world.node(other).coordinator.cut();
  }
  await expectNoChange(20_000);
});

test("one whose others died, and leave leases that last, stays", async () => {
  world = new ClusterWorld(3);
  for (const id of [1, 2, 3]) await world.start(id, { "cluster.lease.ms": 12_000 });
  await world.tick(2_000);
  for (const other of [2, 3]) {
    part(other);
    world.node(other).crash();
  }
  await expectNoChange(20_000);
});

test("one with a single other node stays, as either may be cut off", async () => {
  world = await ClusterWorld.open(2);
  await world.tick(2_000);
  part(2);
  await expectNoChange(20_000);
});

test("one whose dials are refused while the others live leaves it to them", async () => {
  await open();
  for (const other of [2, 3]) {
    world.network.reject(1, other);
    part(other);
  }
  await world.tick(15_000);
  for (let passedMs = 0; passedMs < 60_000; passedMs += 500) {
    await world.tick(500);
    expect(controllerAt(2)).toBeGreaterThan(1);
  }
  expect([membersOf(1), membersOf(2)]).toEqual([
    [2, 3],
    [2, 3],
  ]);
});

test("one that nobody needs a link to keeps one", async () => {
  world = await ClusterWorld.open(3);
  await world.tick(60_000);
  const { lines } = world.node(1).log;
  expect(lines.filter(({ message }) => message.startsWith("linked to"))).toHaveLength(2);
});

test("one that nobody follows is it again", async () => {
  await open();
  for (const other of [2, 3]) {
    part(other);
    // They have leases, and hear nothing of what is free.
    const { coordinator } = world.node(other);
    coordinator.transact = () => new Promise(() => undefined);
  }
  await world.driveUntil("it is given up", () => controllerAt(1) === undefined);
  await world.driveUntil("it is taken again", () => controllerAt(1) === 1);
  await world.tick(8_000);
  expect(controllerAt(1)).toBe(1);
  for (const other of [2, 3]) Reflect.deleteProperty(world.node(other).coordinator, "transact");
});
