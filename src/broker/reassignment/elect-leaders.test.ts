import { afterEach, beforeEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import type { PlacedPartition } from "../cluster/replicas/placed-partition.ts";
import { type Election, electLeaders, type ElectionKind } from "./elect-leaders.ts";

let world: ClusterWorld;
beforeEach(async () => {
  world = await ClusterWorld.open(3);
});
afterEach(() => world.close());

const topic = "orders";
const orders = new Map([[topic, [0]]]);

async function create(replicas: number[], configs: Readonly<Record<string, string>> = {}) {
  const asked = { assignments: [{ index: 0, replicas }], partitions: -1, replicas: -1 };
  await world.create(1, topic, { ...asked, configs: new Map(Object.entries(configs)) });
  await world.driveUntil("there is a head", () => headId() === replicas[0]);
}

const partitionAt = (id: number): PlacedPartition =>
  world.node(id).topic(topic)?.partitions[0] as PlacedPartition;

function headId(ids = [1, 2, 3]): number {
  return ids.find((id) => partitionAt(id)?.absence === undefined) ?? -1;
}

function chainAt(id: number): ChainConfig {
  const [only] = world.node(id).cluster.image.chains.values();
  return (only as { config: ChainConfig }).config;
}

async function elect(at: number, kind: ElectionKind, partitions?: Map<string, number[]>) {
  const ask = { kind, partitions, timeoutMs: 10_000 };
  const answers = await world.drive(electLeaders(world.node(at).broker, ask));
  return answers.map(({ error, ...place }: Election) => ({ ...place, error: error?.code }));
}

async function append(at: number, acks: number, value: string): Promise<string | undefined> {
  const { error } = await world.send(at, topic, batchOf([value]), { acks, timeoutMs: 1_000 });
  return error?.code;
}

/** Its node dies and comes back: others lead what it led. */
async function deposed(id: number): Promise<void> {
  const node = world.node(id);
  node.crash();
  const others = [1, 2, 3].filter((other) => other !== id);
  await world.driveUntil("another leads", () => headId(others) > 0);
  await world.drive(world.start(id, {}, node.disk));
  const [at = 0] = others;
  await world.driveUntil("it is a member again", () =>
    chainAt(at).members.some((one) => one.id === id),
  );
}

test("the preferred head leads again once it is told to, whichever node is asked", async () => {
  await create([1, 2, 3]);
  expect(await append(1, -1, "a")).toBeUndefined();
  await deposed(1);
  expect(headId()).not.toBe(1);
  expect(await elect(3, "preferred", orders)).toEqual([{ topic, partition: 0 }]);
  expect(chainAt(3).members[0]?.id).toBe(1);
  await world.driveUntil("it is served there", () => headId() === 1);
  expect(partitionAt(1).committed).toBe(1);
  await world.driveUntil("the others are members", () => chainAt(3).members.length === 3);
});

test("the preferred head leads again although another replica is down", async () => {
  await create([1, 2, 3]);
  await deposed(1);
  world.node(3).crash();
  await world.driveUntil("it is cut out", () => chainAt(1).members.length === 2);
  expect(await elect(2, "preferred", orders)).toEqual([{ topic, partition: 0 }]);
  expect(chainAt(2).members[0]?.id).toBe(1);
});

test("what leads already needs no election, and is left out when all are asked for", async () => {
  await create([1, 2, 3]);
  const error = "ELECTION_NOT_NEEDED";
  expect(await elect(2, "preferred", orders)).toEqual([{ topic, partition: 0, error }]);
  expect(await elect(2, "unclean", orders)).toEqual([{ topic, partition: 0, error }]);
  expect(await elect(2, "preferred")).toEqual([]);
  expect(await elect(2, "unclean")).toEqual([]);
});

test("a preferred head does not lead that is away, or whose chain spares nobody", async () => {
  await create([1, 2, 3], { "min.insync.replicas": "3" });
  world.node(1).crash();
  await world.driveUntil("another leads", () => headId([2, 3]) > 0);
  const error = "PREFERRED_LEADER_NOT_AVAILABLE";
  expect(await elect(2, "preferred", orders)).toEqual([{ topic, partition: 0, error }]);
  await world.drive(world.start(1, {}, world.node(1).disk));
  await world.driveUntil("it is a member again", () => chainAt(2).members.length === 3);
  expect(await elect(2, "preferred", orders)).toEqual([{ topic, partition: 0, error }]);
});

test("who asks for what is not there is told so", async () => {
  await create([1]);
  const error = "UNKNOWN_TOPIC_OR_PARTITION";
  const wanted = new Map([
    [topic, [7]],
    ["nothing", [0]],
  ]);
  expect(await elect(2, "preferred", wanted)).toEqual([
    { topic, partition: 7, error },
    { topic: "nothing", partition: 0, error },
  ]);
});

test("an unclean start takes the longest log that is left, if the topic allows it", async () => {
  await create([1, 2], { "unclean.leader.election.enable": "true" });
  expect(await append(1, -1, "a")).toBeUndefined();
  // The tail is cut out, and goes; what comes after is on the head alone.
  const [former, head] = [world.node(2), world.node(1)];
  former.crash();
  await world.driveUntil("it is cut out", () => chainAt(1).members.length === 1);
  expect(await append(1, -1, "lost")).toBeUndefined();
  head.crash();
  await world.drive(world.start(2, {}, former.disk));
  await world.driveUntil("it is up", () => world.node(3).cluster.image.node(1) === undefined);
  expect(headId([2, 3])).toBe(-1);
  expect(await elect(3, "unclean", orders)).toEqual([{ topic, partition: 0 }]);
  await world.driveUntil("it leads", () => headId([2, 3]) === 2);
  expect(chainAt(3).unclean).toBe(chainAt(3).epoch);
  expect(partitionAt(2).committed).toBe(1);
  expect(await append(2, -1, "b")).toBeUndefined();
  await world.drive(world.start(1, {}, head.disk));
  await world.driveUntil("the former head is behind", () => chainAt(2).members.length === 2);
  await world.driveUntil("with the same log", () => partitionAt(1).placement.log?.end === 2);
});

test("after a restore an unclean start is in an epoch that no log can have", async () => {
  await create([1, 2], { "unclean.leader.election.enable": "true" });
  const [former, head] = [world.node(2), world.node(1)];
  former.crash();
  await world.driveUntil("it is cut out", () => chainAt(1).members.length === 1);
  const backup = world.store.backUp();
  await world.coordinator.transact([], [{ key: "of others", value: "" }]);
  head.crash();
  await world.driveUntil("it is down", () => world.node(3).cluster.image.node(1) === undefined);
  world.store.restore(backup);
  await world.drive(world.start(2, {}, former.disk));
  await world.tick(60_000);
  expect(chainAt(3).epoch).toBeLessThan(10_000);
  expect(await elect(3, "unclean", orders)).toEqual([{ topic, partition: 0 }]);
  await world.driveUntil("it leads", () => headId([2, 3]) === 2);
  expect(chainAt(3).epoch).toBeGreaterThan(10_000);
  expect(chainAt(3).unclean).toBe(chainAt(3).epoch);
});

test("an unclean start is refused while a node that is up does not say what it has", async () => {
  await create([1, 2], { "unclean.leader.election.enable": "true" });
  expect(await append(1, -1, "a")).toBeUndefined();
  const [former, head] = [world.node(2), world.node(1)];
  former.crash();
  await world.driveUntil("it is cut out", () => chainAt(1).members.length === 1);
  head.crash();
  world.network.block(2, 3);
  world.network.block(3, 2);
  await world.drive(world.start(2, {}, former.disk));
  await world.driveUntil("it is down", () => world.node(3).cluster.image.node(1) === undefined);
  const ask = { kind: "unclean", partitions: orders, timeoutMs: 10_000 } as const;
  const [refused] = await world.drive(electLeaders(world.node(3).broker, ask));
  expect(refused?.error?.message).toContain("nodes 2 are up and do not say");
  world.network.unblock(2, 3);
  world.network.unblock(3, 2);
  await world.tick(5_000);
  expect(await elect(3, "unclean", orders)).toEqual([{ topic, partition: 0 }]);
});

test("without the topic's leave, or a replica that is up, nothing starts uncleanly", async () => {
  await create([1, 2]);
  world.node(2).crash();
  await world.driveUntil("it is cut out", () => chainAt(1).members.length === 1);
  world.node(1).crash();
  await world.driveUntil("it is down", () => world.node(3).cluster.image.node(1) === undefined);
  const error = "ELIGIBLE_LEADERS_NOT_AVAILABLE";
  expect(await elect(3, "unclean", orders)).toEqual([{ topic, partition: 0, error }]);
  const configs = new Map([["unclean.leader.election.enable", "true"]]);
  await world.drive(world.node(3).broker.topics.configure(topic, () => configs));
  expect(await elect(3, "unclean", orders)).toEqual([{ topic, partition: 0, error }]);
});
