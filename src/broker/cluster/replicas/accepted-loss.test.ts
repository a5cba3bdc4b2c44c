import { afterEach, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { electLeaders } from "../../reassignment/elect-leaders.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];
const log = "orders-0/00000000000000000000.log";

const leads = (node: ClusterNode): boolean =>
  node.topic("orders")?.partitions[0]?.absence === undefined;
const headId = (): number => all.find((id) => leads(world.node(id))) ?? -1;
const membersAt = (id: number): number =>
  [...world.node(id).cluster.image.chains.values()][0]?.config.members.length ?? 0;

async function send(node: ClusterNode, value: string): Promise<void> {
  const batch = await world.send(node.id, "orders", batchOf([value]));
  expect(batch.error).toBeUndefined();
}

async function crashAll(): Promise<readonly ClusterNode[]> {
  const former = all.map((id) => world.node(id));
  for (const node of former) node.crash();
  await world.tick(10_000);
  return former;
}

/** A bit flips in the record that ends at this part of the log. */
async function spoil({ disk }: ClusterNode, part: number): Promise<void> {
  const bytes = ((await disk.readFile(log)) ?? new Uint8Array()).slice();
  const at = Math.floor(bytes.length * part) - 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  const file = await disk.open(log, { create: false });
  await file.truncate(0);
  await file.append([bytes]);
  await file.close();
}

test("a torn log that its chain began anew with is trusted from then on", async () => {
  world = new ClusterWorld(3);
  for (const id of all) await world.start(id, { "log.checkpoint.interval.ms": 600_000 });
  await world.create(1, "orders", { replicas: 3, configs: new Map([["durability", "os"]]) });
  await world.driveUntil("there is a head", () => headId() > 0);
  for (const value of ["a", "b", "c", "d"]) await send(world.node(headId()), value);
  const torn = await crashAll();
  world.bootId = "boot 2";
  for (const node of torn) await spoil(node, 1 / 2);
  for (const { id, disk } of torn) await world.drive(world.start(id, {}, disk));
  await world.driveUntil("it goes on", () => headId() > 0 && membersAt(headId()) === 3);
  await send(world.node(headId()), "after");
  const first = headId();
  const former = await crashAll();
  // The others never come back; nothing is lost.
  const { disk } = former[first - 1] as ClusterNode;
  const back = await world.drive(world.start(first, {}, disk));
  await world.driveUntil("it leads", () => leads(back));
});

/** The node dies, a bit of its log flips, and it is back; whether it serves it. */
async function goesOn({ id }: ClusterNode, spoiledAt?: number): Promise<boolean> {
  const former = world.node(id);
  former.crash();
  if (spoiledAt !== undefined) await spoil(former, spoiledAt);
  await world.tick(10_000);
  await world.drive(world.start(id, { "log.checkpoint.interval.ms": 1_000 }, former.disk));
  await world.tick(20_000);
  return leads(world.node(id));
}

test("a loss of the only replica that a hand has accepted needs no hand again", async () => {
  world = new ClusterWorld(1);
  const node = await world.start(1, { "log.checkpoint.interval.ms": 1_000 });
  const configs = new Map([["unclean.leader.election.enable", "true"]]);
  await world.create(1, "orders", { replicas: 1, configs });
  for (const value of ["a", "b", "c"]) await send(node, value);
  await world.tick(2_000);
  expect(await goesOn(node, 2 / 3)).toBe(false);
  const ask = { kind: "unclean", partitions: undefined, timeoutMs: 5_000 } as const;
  const elect = () => world.drive(electLeaders(world.node(1).broker, ask));
  await elect();
  await world.driveUntil("it leads", () => leads(world.node(1)));
  expect(await goesOn(node)).toBe(true);
  await send(world.node(1), "d");
  await world.tick(2_000);
  expect(await goesOn(node)).toBe(true);
  // What was lost since then nobody has accepted.
  expect(await goesOn(node, 1)).toBe(false);
});

test("nor does one that a chain went on with after a restore, once it is deleted", async () => {
  world = new ClusterWorld(1);
  const node = await world.start(1, { "log.checkpoint.interval.ms": 1_000 });
  await world.create(1, "orders", { replicas: 1 });
  for (const value of ["a", "b", "c"]) await send(node, value);
  await world.tick(2_000);
  const backup = world.store.backUp();
  expect(await goesOn(node)).toBe(true);
  const former = world.node(1);
  former.crash();
  await spoil(former, 2 / 3);
  world.store.restore(backup);
  await world.tick(10_000);
  expect(await goesOn(former)).toBe(true);
  const partition = world.node(1).topic("orders")?.partitions[0];
  await world.drive(partition?.deleteRecordsBefore(2) ?? Promise.reject(new Error("none")));
  await world.tick(2_000);
  expect(await goesOn(node)).toBe(true);
});
