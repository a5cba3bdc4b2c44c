import { expect, test } from "vitest";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { makeUuid } from "../../../base/uuid.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { parseChainConfig } from "../../../replication/chain-config.ts";
import { SimulatedCoordinator } from "../../../simulation/simulated-coordinator.ts";
import { SimulatedStore } from "../../../simulation/simulated-store.ts";
import type { Coordinator, CoordinatorEntry } from "../../ports/coordinator.ts";
import { formatTopicEntry } from "../../topics/topic-entry.ts";
import { agreeOnClusterId, movingInKey } from "../membership/agree-on-cluster-id.ts";
import { type PlannedMove, planMoveIn } from "./plan-move-in.ts";
import { type MovingNode, undoMoveIn, writeMoveIn } from "./write-move-in.ts";

const random = new SeededRandom(5);
const clusterId = "a-cluster-of-22-letters";
const node: MovingNode = { nodeId: 7, clusterId, directoryId: "own", level: 2 };

function connect(): Coordinator {
  const clock = new VirtualClock({ settle: () => new Promise((done) => setImmediate(done)) });
  const store = new SimulatedStore(clock);
  return new SimulatedCoordinator({ store, clock, random });
}

function topic(name: string, partitions: number): CoordinatorEntry {
  const entry = { id: makeUuid(random), partitions, configs: new Map(), isDense: true };
  return { key: `topics/${name}`, value: formatTopicEntry(entry), revision: 3 };
}

function plan(entries: readonly CoordinatorEntry[]): Promise<PlannedMove> {
  const latestEpochOf = (_topic: string, index: number) => Promise.resolve(index === 1 ? 6 : -1);
  return planMoveIn({ nodeId: 7, lineage: "kept", entries, latestEpochOf });
}

const write = (target: Coordinator, { values }: PlannedMove, by = node): Promise<void> =>
  writeMoveIn(target, values, { node: by, progress: () => undefined, isPending: false });

async function valuesOf(target: Coordinator): Promise<Map<string, string>> {
  const { entries } = await target.read("");
  return new Map(entries.map(({ key, value }) => [key, value]));
}

/** Fails from that transaction on, as a process that is killed. */
function dyingAfter(target: Coordinator, count: number): Coordinator {
  let left = count;
  const transact: Coordinator["transact"] = async (compares, writes) => {
    left -= 1;
    if (left < 0) throw new Error("killed");
    return await target.transact(compares, writes);
  };
  return new Proxy(target, {
    get: (from, name) => {
      if (name === "transact") return transact;
      const found = Reflect.get(from, name) as unknown;
      return typeof found === "function" ? (found.bind(from) as unknown) : found;
    },
  });
}

test("chains begin above every epoch of their logs, vouched for by the lineage", async () => {
  const { values, partitions } = await plan([topic("orders", 2)]);
  const chains = [...values].filter(([key]) => key.startsWith("chains/"));
  expect(partitions).toBe(2);
  expect(chains.map(([key, value]) => parseChainConfig(key, value))).toMatchObject([
    { epoch: 1, members: [{ id: 7, lineage: "kept" }], replicas: [7] },
    { epoch: 7, members: [{ id: 7, lineage: "kept" }], replicas: [7] },
  ]);
});

test("names that differ only in dots and underscores stay one name for other nodes", async () => {
  const { values } = await plan([topic("a.b_c", 1), topic("plain", 1)]);
  const names = [...values].filter(([key]) => key.startsWith("names/"));
  expect(names).toEqual([["names/a_b_c", "a.b_c"]]);
});

test("a deletion that is not finished is this node's to finish; Kafka's past stays", async () => {
  const { values } = await plan([
    { key: "deleted-topics/AAAAAAAAAAAAAAAAAAAAAA", value: "gone", revision: 1 },
    { key: "kafka-metadata", value: "{}", revision: 1 },
    { key: "producer-ids", value: "3000", revision: 2 },
  ]);
  expect([...values]).toEqual([
    ["deleted-topics/AAAAAAAAAAAAAAAAAAAAAA", '{"name":"gone","nodes":[7]}'],
    ["producer-ids", "3000"],
  ]);
});

test("10,000 partitions go in parts, and are a cluster with the last one", async () => {
  const target = connect();
  const planned = await plan([topic("wide", 10_000)]);
  await write(target, planned);
  const values = await valuesOf(target);
  expect(values.size).toBe(10_001 + 3);
  expect(values.get("cluster-id")).toBe(clusterId);
  expect(values.get("features")).toBe('{"level":2}');
  expect(values.get("ring/7")).toContain('"valid"');
  expect(await agreeOnClusterId(target, { id: "", level: 1 }, random)).toBe(clusterId);
});

test.each([1, 2, 3, 4])(
  "a move that dies at transaction %i is no cluster; run again it is whole, or taken back",
  async (count) => {
    const target = connect();
    const planned = await plan([topic("orders", 150)]);
    await expect(write(dyingAfter(target, count), planned)).rejects.toThrow("killed");
    await expect(agreeOnClusterId(target, { id: "", level: 1 }, random)).rejects.toThrow(
      "being moved into this cluster",
    );
    const other = { ...node, directoryId: "another" };
    await expect(write(target, planned, other)).rejects.toThrow("another node's data");
    // What the node had when it died need not be what it has now.
    const now = await plan([topic("orders", 130), topic("more", 1)]);
    const isUndone = count % 2 === 0;
    if (isUndone) await undoMoveIn(target, node);
    expect((await valuesOf(target)).size === 0).toBe(isUndone);
    await write(target, now);
    const values = await valuesOf(target);
    for (const [key, value] of now.values) expect(values.get(key)).toBe(value);
    expect(values.size).toBe(now.values.size + 3);
    expect(values.has(movingInKey)).toBe(false);
  },
);

test("a cluster that is there, or that was moved in, is left alone", async () => {
  const target = connect();
  await agreeOnClusterId(target, { id: "", level: 1 }, random);
  const before = await valuesOf(target);
  const planned = await plan([topic("orders", 1)]);
  await expect(write(target, planned)).rejects.toThrow("the cluster is there already (its id is");
  await undoMoveIn(target, node);
  expect(await valuesOf(target)).toEqual(before);
  const second = connect();
  await write(second, planned);
  await expect(write(second, planned)).rejects.toThrow("was moved in already");
  await expect(undoMoveIn(second, node)).rejects.toThrow("the move is whole");
  expect((await valuesOf(second)).size).toBe(planned.values.size + 3);
});
