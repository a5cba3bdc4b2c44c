import { afterEach, beforeEach, expect, test } from "vitest";
import type { ClusterNode } from "../../../../test/support/cluster-world.ts";
import { ForwardingWorld } from "../../../../test/support/forwarding-world.ts";
import { XylemError } from "../../../base/errors.ts";
import { truncationNoteName } from "../../partition/replica/truncation.ts";
import type { Disk } from "../../ports/disk.ts";
import { PlacedPartition } from "./placed-partition.ts";

const all = [1, 2, 3];
let world: ForwardingWorld;
/** A replica that is no head, before its node was killed. */
let former: ClusterNode;
let before: Awaited<ReturnType<typeof filesIn>>;

beforeEach(async () => {
  world = await ForwardingWorld.open(3);
  const assignments = [{ index: 0, replicas: all }];
  const configs = new Map([["segment.records", "4"]]);
  const asked = { assignments, partitions: -1, replicas: -1, configs };
  await world.cluster.create(1, "orders", asked);
  await world.until("all are members", () => membersAt(1).length === 3);
  for (let value = 0; value < 10; value += 1) await append(`${value}`);
  former = world.cluster.node(membersAt(1)[1] ?? 0);
  world.crash(former.id);
  before = await filesIn(former.disk);
  expect(before.length).toBeGreaterThan(2);
});
afterEach(() => world.close());

const start = (disk: Disk): Promise<ClusterNode> =>
  world.cluster.drive(world.cluster.start(former.id, {}, disk));

function partitionAt(id: number): PlacedPartition {
  const partition = world.cluster.node(id).topic("orders")?.partitions[0];
  if (partition instanceof PlacedPartition) return partition;
  throw new Error(`node ${id} has no such partition`);
}

function membersAt(id: number): number[] {
  const chains = [...world.cluster.node(id).cluster.image.chains.values()];
  return chains[0]?.config.members.map((member) => member.id) ?? [];
}

async function append(body: string): Promise<void> {
  const at = all.find((id) => id !== former?.id) ?? 0;
  const answer = await world.http(at, "POST", "/v1/topics/orders/records", { body });
  expect(answer).toMatchObject({ status: 201 });
}

async function filesIn(disk: Disk, folder = "orders-0"): Promise<[string, Uint8Array][]> {
  const names = (await disk.list(folder)).map(({ name }) => name);
  const logs = names.filter((name) => name.endsWith(".log")).sort();
  const read = async (name: string): Promise<[string, Uint8Array]> => {
    const bytes = (await disk.readFile(`${folder}/${name}`)) ?? new Uint8Array(0);
    return [name, bytes.slice()];
  };
  return await Promise.all(logs.map(read));
}

async function asideIn(disk: Disk): Promise<readonly string[]> {
  const names = (await disk.list("")).map(({ name }) => name);
  return names.filter((name) => /^orders-0\..*-damaged$/.test(name));
}

/** How often the node said that it can not use its replica. */
const complaints = ({ log }: ClusterNode): number =>
  log.withLevel("error").filter(({ message }) => message.includes("can not be used")).length;

async function expectFilled({ id, disk }: ClusterNode): Promise<void> {
  await world.until("it is back", () => membersAt(id).includes(id));
  await append("after");
  const ends = (): (number | undefined)[] => all.map((one) => partitionAt(one).placement.log?.end);
  await world.until("all have it", () => ends().every((end) => end === 11));
  const [other = 0] = all.filter((one) => one !== id);
  expect(await filesIn(disk)).toEqual(await filesIn(world.cluster.node(other).disk));
  expect(await asideIn(disk)).toEqual([]);
}

test("files that can not be read stay aside until others have filled the replica", async () => {
  const note = await former.disk.open(`orders-0/${truncationNoteName}`, { create: true });
  await note.append([new Uint8Array([1, 2, 3])]);
  await note.close();
  const node = await start(former.disk);
  const { network } = world.cluster;
  const others = all.filter((id) => id !== node.id);
  for (const other of others) network.block(other, node.id);
  const opened = (): boolean => partitionAt(node.id).placement.log !== undefined;
  await world.until("20 s are over", () => complaints(node) === 3);
  await world.until("it begins anew", opened);
  const [aside = ""] = await asideIn(node.disk);
  expect(await filesIn(node.disk, aside)).toEqual(before);
  for (const other of others) network.unblock(other, node.id);
  await expectFilled(node);
});

test.each(["DISK_FULL", "KAFKA_STORAGE_ERROR"] as const)(
  "files that the system refuses (%s) are as they were when it is better",
  async (code) => {
    let isRefusing = true;
    const { disk } = former;
    const open: Disk["open"] = async (path, options) => {
      if (isRefusing && path.startsWith("orders-0/")) throw new XylemError(code, "not now");
      return await disk.open(path, options);
    };
    const refusing = new Proxy(disk, {
      get: (of, name) => {
        if (name === "open") return open;
        const found = Reflect.get(of, name, of) as unknown;
        return typeof found === "function" ? (found.bind(of) as unknown) : found;
      },
    });
    const node = await start(refusing);
    await world.cluster.tick(600_000);
    expect(await asideIn(disk)).toEqual([]);
    expect(await filesIn(disk)).toEqual(before);
    // Told of each try, and tried ever less often.
    expect(complaints(node)).toBeGreaterThan(8);
    expect(complaints(node)).toBeLessThan(30);
    isRefusing = false;
    // The controller has let it rest, longer each time.
    await world.cluster.tick(600_000);
    await expectFilled(node);
  },
);
