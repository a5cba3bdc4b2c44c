import { afterEach, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Disk } from "../../ports/disk.ts";

let world: ClusterWorld;
afterEach(() => world.close());

/** Logs of the topic can not be opened. */
function failing(disk: Disk): Disk {
  return new Proxy(disk, {
    get: (_, name) => {
      const found = Reflect.get(disk, name) as unknown;
      if (typeof found !== "function") return found;
      if (name !== "open") return found.bind(disk) as unknown;
      return async (path: string, options: { create: boolean }) => {
        if (!path.startsWith("orders-0/") || !path.endsWith(".log")) {
          return await disk.open(path, options);
        }
        throw new XylemError("KAFKA_STORAGE_ERROR", "the disk fails");
      };
    },
  });
}

test.each([
  ["os", "is not vouched for", 1],
  ["fsync", "has what it had flushed", undefined],
])("a log with durability %s that can not be opened %s", async (durability, _is, count) => {
  world = new ClusterWorld(1);
  const node = await world.start(1);
  await world.create(1, "orders", { replicas: 1, configs: new Map([["durability", durability]]) });
  await world.tick(1_000);
  await world.send(1, "orders", batchOf(["kept"]));
  node.crash();
  await world.tick(10_000);
  const back = await world.drive(world.start(1, {}, failing(node.disk)));
  expect(back.cluster.membership.entry.lineages?.lost?.length).toBe(count);
});

const leads = (node: ClusterNode): boolean =>
  node.topic("orders")?.partitions[0]?.absence === undefined;
const memberCount = (): number =>
  [...world.node(4).cluster.image.chains.values()][0]?.config.members.length ?? 0;

/** A topic on all nodes but the last, which were killed; node 1 leads. */
async function openKilled(durability: string, replicas: readonly number[]) {
  world = await ClusterWorld.open(4);
  const assignments = [{ index: 0, replicas }];
  const configs = new Map([["durability", durability]]);
  await world.create(4, "orders", { assignments, partitions: -1, replicas: -1, configs });
  const isWhole = () => leads(world.node(1)) && memberCount() === replicas.length;
  await world.driveUntil("the chain is whole", isWhole);
  expect((await world.send(1, "orders", batchOf(["kept"]))).error).toBeUndefined();
  const former = replicas.map((id) => world.node(id));
  for (const node of former) node.crash();
  await world.tick(10_000);
  return former;
}

/** The log of one can not be opened. */
const startAgain = ({ id, disk }: ClusterNode, failingId: number) =>
  world.start(id, {}, id === failingId ? failing(disk) : disk);

/** All at once. */
async function startAll(former: readonly ClusterNode[], failingId: number): Promise<void> {
  await world.drive(Promise.all(former.map((node) => startAgain(node, failingId))));
}

test("a chain goes on from who is back and can open its log", async () => {
  await startAll(await openKilled("fsync", [1, 2]), 1);
  await world.driveUntil("node 2 leads", () => leads(world.node(2)));
  expect(world.node(2).topic("orders")?.partitions[0]?.committed).toBe(1);
});

test("nor is the first one back taken that can not", async () => {
  for (const node of await openKilled("fsync", [1, 2])) {
    await world.drive(startAgain(node, 1));
    await world.tick(4_000);
  }
  await world.driveUntil("node 2 leads", () => leads(world.node(2)));
  expect(world.node(2).topic("orders")?.partitions[0]?.committed).toBe(1);
});

test("who can not say where its log ends, and is needed, is told of", async () => {
  const former = await openKilled("os", [1, 2, 3]);
  world.bootId = "boot 2";
  await startAll(former, 2);
  const why = async () => {
    const { stuck } = await world.drive(world.node(4).broker.administration!.status());
    return stuck[0]?.why;
  };
  const told = "nodes 2 are up and do not say where their logs end";
  await world.driveUntil("it is told", async () => (await why()) === told);
});
