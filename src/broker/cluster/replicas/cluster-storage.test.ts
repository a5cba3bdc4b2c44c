import { afterEach, describe, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/raw-client.ts";
import { formatUuid } from "../../../base/uuid.ts";
import {
  chainKey,
  type ChainConfig,
  formatChainConfig,
} from "../../../replication/chain-config.ts";
import type { PartitionLog } from "../../partition/partition-log.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const partitionAt = (id: number): PartitionLog => {
  const found = world.node(id).topic("orders")?.partitions[0];
  if (found === undefined) throw new Error("it was never made");
  return found;
};

async function append(id: number): Promise<void> {
  const log = partitionAt(id);
  await log.load();
  const batch = batchOf([{ value: null, timestampMs: world.clock.nowMs() }]);
  const { lastOffset } = log.append(batch, { origin: "client" });
  await new Promise<void>((resolve, reject) => {
    log.whenCommitted(lastOffset + 1, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** Writes the chain's key by hand, and waits until all have seen it. */
async function configure(change: (config: ChainConfig) => Partial<ChainConfig>): Promise<void> {
  const { image } = world.node(1).cluster;
  const key = chainKey(formatUuid(world.node(1).topic("orders")?.id ?? new Uint8Array()), 0);
  const config = image.chains.get(key)?.config as ChainConfig;
  const value = formatChainConfig({ ...config, ...change(config) });
  const revision = await world.coordinator.transact([], [{ key, value }]);
  await world.until("it is seen", ({ cluster }) => cluster.feed.revision >= (revision ?? 0));
}

const openOn = async (id: number, count = 2): Promise<void> => {
  world = await ClusterWorld.open(count);
  const assignments = [{ index: 0, replicas: [id] }];
  await world.create(id, "orders", { assignments, partitions: -1, replicas: -1 });
};

describe("a partition", () => {
  test("is appended to on its chain's node alone, in the chain's epoch", async () => {
    await openOn(2);
    await append(2);
    await expect(append(1)).rejects.toMatchObject({
      code: "NOT_LEADER_OR_FOLLOWER",
      message: "orders-0 (epoch 1) is led by node 2",
    });
    await configure(() => ({ epoch: 4 }));
    await append(2);
    expect(partitionAt(2).epochAt(0)).toBe(1);
    expect(partitionAt(2).epochAt(1)).toBe(4);
  });

  test("that moves away fails who waits there, and its files go", async () => {
    await openOn(1);
    await append(1);
    const log = partitionAt(1);
    const waiting = new Promise<Error | undefined>((resolve) => {
      log.whenCommitted(99, resolve);
    });
    let looks = 0;
    log.onAdvance(() => (looks += 1));
    const { incarnation, membership } = world.node(2).cluster;
    const lineage = membership.entry.lineages?.fsync ?? "";
    const members = [{ id: 2, incarnation, lineage }];
    await configure(() => ({ epoch: 2, members, replicas: [2] }));
    await expect(waiting).resolves.toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
    await world.until("who reads there looks again", () => looks > 0, [1]);
    await world.until("it is served there", () => partitionAt(2).absence === undefined);
    await append(2);
    await world.until("its files are gone", () => partitionAt(1).absence !== undefined);
    const folders = (await world.node(1).disk.list("")).map(({ name }) => name);
    expect(folders).not.toContain("orders-0");
  });

  test("whose log is of a later epoch than its chain is refused; others live on", async () => {
    await openOn(1);
    await configure(() => ({ epoch: 5 }));
    await append(1);
    await configure(() => ({ epoch: 3 }));
    await world.until("it is refused", () => partitionAt(1).absence !== undefined);
    // Producers give up by FENCED_LEADER_EPOCH; with this one they ask again who leads.
    expect(partitionAt(1).absence).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
    await world.create(1, "others", {
      assignments: [{ index: 0, replicas: [1] }],
      partitions: -1,
      replicas: -1,
    });
    const former = world.node(1);
    await former.stop();
    const again = await world.start(1, {}, former.disk);
    expect(again.topic("orders")?.partitions[0]?.absence).toBeDefined();
  });
});

test("the partitions of a large topic are not opened in one turn of the event loop", async () => {
  world = await ClusterWorld.open(1);
  const turnsToMake = async (partitions: number): Promise<number> => {
    let isMade = false;
    const asked = { name: `of-${partitions}`, partitions, replicas: 1, configs: new Map() };
    const making = world
      .node(1)
      .broker.topics.create(asked)
      .then(() => (isMade = true));
    let turns = 0;
    for (; !isMade; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    await making;
    return turns;
  };
  expect((await turnsToMake(330)) - (await turnsToMake(10))).toBeGreaterThanOrEqual(10);
});
