import { afterEach, describe, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { XylemError } from "../../../base/errors.ts";
import { silentLog } from "../../../base/log.ts";
import { defaultNodeSettings } from "../../../base/settings/node-settings.ts";
import type { PartitionLog } from "../../partition/partition-log.ts";
import { claimNode } from "./claim-node.ts";
import { formatNodeEntry, nodeKey } from "./node-entry.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const leaseMs = defaultNodeSettings["cluster.lease.ms"];
const patienceMs = 5_000;

/** Lets time pass until the work is done; answers how long it took. */
async function passUntil(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const done = (): boolean => (isDone = true);
  work.then(done, done);
  const startMs = world.clock.monotonicMs();
  while (!isDone) await world.tick(100);
  return world.clock.monotonicMs() - startMs;
}

const ownPartition = async (id: number): Promise<PartitionLog> => {
  const assignments = [{ index: 0, replicas: [id] }];
  await world.create(id, "orders", { assignments, partitions: -1, replicas: -1 });
  return world.node(id).topic("orders")?.partitions[0] as PartitionLog;
};

describe("a node's id", () => {
  test("is taken at once after a crash: its own former lease is ended", async () => {
    world = await ClusterWorld.open(2);
    const former = world.node(2);
    former.crash();
    const tookMs = await passUntil(world.start(2, {}, former.disk));
    expect(tookMs).toBeLessThanOrEqual(100);
    expect(world.node(2).cluster.incarnation).not.toBe(former.cluster.incarnation);
    const seen = (): string | undefined => world.node(1).cluster.image.node(2)?.incarnation;
    await world.until("it is seen", () => seen() === world.node(2).cluster.incarnation, [1]);
  });

  test("that a running node has is refused, with the reason", async () => {
    world = await ClusterWorld.open(2);
    const starting = world.start(2);
    const tookMs = await passUntil(starting);
    expect(tookMs).toBeGreaterThanOrEqual(leaseMs + patienceMs);
    await expect(starting).rejects.toThrow(
      /node.id 2 belongs to a running node at node2.test:9092/,
    );
    expect(world.node(2).cluster.isStanding).toBe(true);
  });

  test("of a node that died with its disk is free when its lease has run out", async () => {
    world = await ClusterWorld.open(2);
    world.node(2).crash();
    const tookMs = await passUntil(world.start(2));
    expect(tookMs).toBeLessThanOrEqual(leaseMs + patienceMs);
    expect(tookMs).toBeGreaterThan(leaseMs / 2);
  });
});

test("who has come dials others, though it has a part in nothing", async () => {
  world = await ClusterWorld.open(1);
  await world.start(2);
  const linked = () => {
    const { lines } = world.node(2).log;
    return lines.filter(({ message }) => message === "linked to another node");
  };
  await world.driveUntil("they are linked", () => linked().length > 0, { withinMs: 500 });
  expect(linked()[0]?.fields["node"]).toBe(1);
});

describe("a node whose data directory was copied", () => {
  test("stops once another process runs with the copy, which keeps the id", async () => {
    world = await ClusterWorld.open(2);
    const former = world.node(2);
    const copy = await world.drive(world.start(2, {}, former.disk));
    await world.tick(3 * leaseMs);
    expect(former.log.withLevel("error").map(({ fields }) => fields["why"])).toContainEqual(
      expect.stringMatching(/^node.id 2 was taken over by a node at node2.test:9092 .* a copy/),
    );
    expect(copy.cluster.isStanding).toBe(true);
    expect(former.cluster.isStanding).toBe(false);
    expect(world.node(1).cluster.image.node(2)?.incarnation).toBe(copy.cluster.incarnation);
    // Both have one disk here: one of them closes it.
    former.crash();
  });

  test("is told apart from a life that a backup of the coordinator brought back", async () => {
    world = await ClusterWorld.open(1);
    const { coordinator, clock } = world;
    const { entry } = world.node(1).cluster.membership;
    const lease = await coordinator.lease(leaseMs);
    const own = { ...entry, id: 7, incarnation: "now" };
    const value = formatNodeEntry({ ...own, incarnation: "former" });
    const revision = await coordinator.transact([], [{ key: nodeKey(7), value, lease }]);
    const options = { coordinator, clock, log: silentLog, ttlMs: leaseMs };
    const since = (last: number) => passUntil(claimNode(options, own, last));
    await expect(claimNode(options, own, Number(revision) - 1)).rejects.toMatchObject({
      code: "DUPLICATE_BROKER_REGISTRATION",
    });
    expect(await since(Number(revision) + 1)).toBeLessThanOrEqual(100);
    const [kept] = (await coordinator.read(nodeKey(7))).entries;
    expect(kept?.value).toBe(formatNodeEntry(own));
  });
});

test("an id is waited for as long as its coordinator may keep a dead one's lease", async () => {
  world = await ClusterWorld.open(1);
  const { coordinator, clock } = world;
  const { entry } = world.node(1).cluster.membership;
  const patient = Object.assign(coordinator, { leaseLastsMs: (ttlMs: number) => 3 * ttlMs });
  const options = { coordinator: patient, clock, log: silentLog, ttlMs: leaseMs };
  const claiming = claimNode(options, { ...entry, directoryId: "another" });
  const tookMs = await passUntil(claiming);
  await expect(claiming).rejects.toMatchObject({ code: "DUPLICATE_BROKER_REGISTRATION" });
  expect(tookMs).toBeGreaterThanOrEqual(3 * leaseMs + patienceMs);
  expect(tookMs).toBeLessThan(3 * leaseMs + patienceMs + 1_000);
});

test("a node says again what nobody knows to be written of it", async () => {
  world = await ClusterWorld.open(1);
  const { coordinator, cluster } = world.node(1);
  const transact = coordinator.transact.bind(coordinator);
  coordinator.transact = async (...asked) => {
    await transact(...asked);
    throw new XylemError("REQUEST_TIMED_OUT", "there is no answer");
  };
  const lost = world.drive(cluster.membership.announce({ isDraining: true }));
  await expect(lost).rejects.toMatchObject({ code: "REQUEST_TIMED_OUT" });
  Reflect.deleteProperty(coordinator, "transact");
  const isDraining = (): boolean => cluster.image.node(1)?.isDraining === true;
  await world.until("it was", isDraining);
  await world.drive(cluster.membership.announce({ isDraining: false }));
  await world.until("it is not any more", () => !isDraining());
});

describe("a node that does not reach the coordinator", () => {
  test("keeps the lease it has again though what it announces is not answered", async () => {
    world = await ClusterWorld.open(1);
    const { coordinator, cluster, log } = world.node(1);
    const { membership } = cluster;
    const transact = coordinator.transact.bind(coordinator);
    let failures = 2;
    coordinator.transact = async (compares, writes) => {
      const isNews = writes.some(({ key, value }) => {
        return key === nodeKey(1) && value !== null && membership.lease !== undefined;
      });
      failures -= isNews ? 1 : 0;
      if (isNews && failures >= 0) throw new XylemError("REQUEST_TIMED_OUT", "no answer");
      return await transact(compares, writes);
    };
    let announced: Promise<void> | undefined;
    const leave = membership.onChange(() => {
      if (membership.lease !== undefined || announced !== undefined) return;
      announced = Promise.resolve().then(() => membership.announce({ isFull: true }));
    });
    world.store.revoke(String(membership.lease?.id));
    await world.driveUntil("it is told", () => cluster.image.node(1)?.isFull === true);
    leave();
    await announced;
    expect(failures).toBe(-1);
    const again = log.lines.filter(({ message }) => message === "this node has a lease again");
    expect(again.length).toBe(1);
  });

  test("has its entry again where that was deleted while its lease holds", async () => {
    world = await ClusterWorld.open(2);
    const partition = await ownPartition(2);
    const { cluster } = world.node(2);
    const former = cluster.membership.lease;
    await world.coordinator.transact([], [{ key: nodeKey(2), value: null }]);
    await world.until("all know", ({ cluster: { image } }) => image.node(2) === undefined);
    const seen = (): string | undefined => world.node(1).cluster.image.node(2)?.incarnation;
    await world.driveUntil("it is there again", () => seen() === cluster.incarnation);
    await world.driveUntil("it serves", () => partition.absence === undefined);
    expect(former?.holdsUntilMs).toBe(-Infinity);
  });

  test("keeps its lease where its entry is there again in a moment", async () => {
    world = await ClusterWorld.open(2);
    const { cluster } = world.node(2);
    const { lease } = cluster.membership;
    const key = nodeKey(2);
    const value = formatNodeEntry(cluster.membership.entry);
    await world.coordinator.transact([], [{ key, value: null }]);
    await world.until("all know", ({ cluster: { image } }) => image.node(2) === undefined);
    await world.coordinator.transact([], [{ key, value }]);
    await world.tick(leaseMs);
    expect([cluster.membership.lease, cluster.isStanding]).toEqual([lease, true]);
  });

  test("answers nothing once its lease has run out, and again when it has another", async () => {
    world = await ClusterWorld.open(2);
    const partition = await ownPartition(2);
    const { coordinator, cluster } = world.node(2);
    coordinator.cut();
    await world.tick(leaseMs / 4);
    expect(partition.absence).toBeUndefined();
    await world.tick(leaseMs);
    expect(partition.absence).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
    await expect(partition.load()).rejects.toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
    expect(cluster.isStanding).toBe(false);
    await world.tick(1_000);
    expect(world.node(1).cluster.image.node(2)).toBeUndefined();
    coordinator.mend();
    await world.tick(2_000);
    await world.until("it serves again", () => partition.absence === undefined);
    expect(world.node(1).cluster.image.node(2)?.incarnation).toBe(cluster.incarnation);
  });

  test("is the controller no longer, and nothing that it still writes counts", async () => {
    world = await ClusterWorld.open(3);
    const { coordinator } = world.node(1);
    expect(world.node(1).cluster.image.controller?.id).toBe(1);
    coordinator.cut();
    await world.tick(leaseMs + 1_000);
    const controllerOf = (id: number) => world.node(id).cluster.image.controller?.id ?? 0;
    await world.until("another one is", ({ id }) => controllerOf(id) > 1, [2, 3]);
    coordinator.mend();
    await world.tick(2_000);
    await world.until("all agree", ({ id }) => controllerOf(id) === controllerOf(2));
  });
});
