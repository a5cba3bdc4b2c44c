import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import { type ChainConfig, formatChainConfig } from "../../replication/chain-config.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { PlacedPartition } from "../cluster/replicas/placed-partition.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];
const disks = new Map<number, SimulatedDisk>();

const partitionAt = (id: number): PlacedPartition =>
  world.node(id).topic("orders")?.partitions[0] as PlacedPartition;
const headId = (): number => all.find((id) => partitionAt(id).absence === undefined) ?? -1;
const endAt = (id: number): number => partitionAt(id).placement.log?.end ?? -1;

async function open(replicas = 3): Promise<void> {
  world = new ClusterWorld(3);
  const { clock } = world;
  for (const id of all) {
    const disk = new SimulatedDisk({ nowMs: () => clock.nowMs() });
    disks.set(id, disk);
    await world.start(id, {}, disk);
  }
  await world.create(1, "orders", { replicas });
  await world.driveUntil("there is a head", () => headId() > 0);
  expect(await send("a")).toBeUndefined();
}

/** Members as any node that lives knows them. */
function members(): number[] {
  const [chain] = world.node(1).cluster.image.chains.values();
  return chain?.config.members.map(({ id }) => id) ?? [];
}

/** The error's code. */
async function send(value: string, durability?: "os"): Promise<string | undefined> {
  const { error } = await world.send(headId(), "orders", batchOf([value]), { durability });
  return error?.code;
}

const places: readonly [string, number][] = [
  ["head", 0],
  ["tail", 2],
];

test.each(places)(
  "a flush that fails at the %s cuts it out; it is back without a restart",
  async (...place) => {
    await open();
    const [, at] = place;
    const failing = members()[at] as number;
    const disk = disks.get(failing) as SimulatedDisk;
    let failed = 0;
    disk.fault = (operation, path) => {
      if (operation !== "sync" || !path.includes("orders-0") || failed > 0) return;
      failed += 1;
      throw new Error("EIO: i/o error, fdatasync");
    };
    await send("b");
    await world.driveUntil("it is cut out", () => !members().includes(failing));
    expect(failed).toBe(1);
    await world.driveUntil("there is a head", () => headId() > 0);
    expect(await send("c")).toBeUndefined();
    await world.driveUntil("it is a member again", () => members().length === 3);
    expect(await send("d")).toBeUndefined();
    expect(new Set(all.map(endAt)).size).toBe(1);
  },
);

test.each(places)(
  "a %s whose disk is full is cut out, and is back once there is room",
  async (...place) => {
    await open();
    const [, at] = place;
    const full = members()[at] as number;
    const disk = disks.get(full) as SimulatedDisk;
    disk.capacityBytes = disk.usedBytes;
    await send("b");
    await world.driveUntil("it is cut out", () => !members().includes(full));
    await world.driveUntil("there is a head", () => headId() > 0);
    expect(await send("c")).toBeUndefined();
    await world.tick(20_000);
    expect(members()).not.toContain(full);
    disk.capacityBytes = Infinity;
    await world.driveUntil("it is a member again", () => members().length === 3);
    expect(await send("d")).toBeUndefined();
    expect(new Set(all.map(endAt)).size).toBe(1);
  },
);

test.each(places)(
  "a %s whose disk is full, and which becomes the last, goes on once there is room",
  async (...place) => {
    await open();
    const [, at] = place;
    const last = members()[at] as number;
    const disk = disks.get(last) as SimulatedDisk;
    const stopped = (): boolean => partitionAt(last).placement.log?.stopped !== undefined;
    disk.capacityBytes = disk.usedBytes;
    const sending = send("b");
    for (let turns = 0; !stopped() && turns < 1_000; turns += 1) await world.tick(1);
    expect(stopped()).toBe(true);
    // As when the others die at this moment; here they come back as joiners.
    const [key = "", chain] = [...world.node(last).cluster.image.chains][0] ?? [];
    const { config } = chain as { config: ChainConfig };
    const alone = config.members.filter(({ id }) => id === last);
    const value = formatChainConfig({ ...config, epoch: config.epoch + 1, members: alone });
    await world.coordinator.transact([], [{ key, value }]);
    expect(await sending).toBeDefined();
    await world.tick(1_000);
    disk.capacityBytes = Infinity;
    await world.driveUntil("it leads", () => headId() === last);
    await world.tick(5_000);
    expect(await send("c")).toBeUndefined();
    await world.driveUntil("the others are members again", () => members().length === 3);
    expect(await send("d")).toBeUndefined();
    expect(all.map(endAt)).toEqual([3, 3, 3]);
    // Nobody has what was sent and had no room: its place is another record's, of a later epoch.
    const epochs = all.map((id) => partitionAt(id).placement.log?.epochAt(1) ?? -1);
    expect(Math.min(...epochs)).toBeGreaterThan(config.epoch);
    expect(new Set(epochs).size).toBe(1);
  },
);

test.each(["os", undefined] as const)(
  "the last of a chain cuts what a failed flush left where nobody was answered: %s",
  async (durability) => {
    await open(1);
    const disk = disks.get(headId()) as SimulatedDisk;
    const log = partitionAt(headId()).placement.log;
    disk.fault = (operation, path) => {
      if (operation !== "sync" || !path.includes("orders-0")) return;
      disk.fault = () => undefined;
      throw new Error("EIO: i/o error, fdatasync");
    };
    expect((await send("b", durability)) === undefined).toBe(durability === "os");
    await world.driveUntil("it has stopped", () => log?.stopped !== undefined);
    await world.tick(1_000);
    const isToBeCut = disk.paths().includes("orders-0/xylem-truncation");
    expect(isToBeCut).toBe(durability === undefined);
  },
);
