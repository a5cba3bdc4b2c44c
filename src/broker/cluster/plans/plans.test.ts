import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { formatUuid, type Uuid } from "../../../base/uuid.ts";
import type { ChainControl } from "../assignment/chain-control.ts";
import type { ClusterAdministration } from "./cluster-administration.ts";
import type { ClusterStatus, CommitAsk, NodeStatus } from "./cluster-orders.ts";

let world: ClusterWorld;
/** The first node holds everything until a plan is committed. */
beforeEach(async () => {
  world = new ClusterWorld(1);
  await world.start(1);
  await world.create(1, "orders", { partitions: 12 });
});
afterEach(() => world.close());

function administration(id: number): ClusterAdministration {
  return world.node(id).broker.administration as ClusterAdministration;
}

const statusAt = (id: number): Promise<ClusterStatus> => world.drive(administration(id).status());

async function nodeAt(at: number, id: number): Promise<NodeStatus> {
  const { nodes } = await statusAt(at);
  return nodes.find(({ nodeId }) => nodeId === id) as NodeStatus;
}

const sharesAt = async (at: number): Promise<number[]> =>
  (await statusAt(at)).nodes.map(({ share }) => Math.round(share * 100));

const live = { movesAtOnce: 4, acceptsLoss: false, replicasMin: 0 };

async function commit(at: number, rules: Partial<typeof live> = {}): Promise<string> {
  const { replicasMin, ...own } = { ...live, ...rules };
  const { planId } = await world.drive(administration(at).draft({ replicasMin }));
  await world.drive(administration(at).commit({ planId, ...own }));
  return planId;
}

/** Lets time pass until the cluster is so. */
async function whenStatus(
  at: number,
  what: string,
  holds: (status: ClusterStatus) => boolean,
): Promise<ClusterStatus> {
  for (let step = 0; step < 400; step += 1) {
    const status = await statusAt(at);
    if (holds(status)) return status;
    await world.tick(100);
  }
  throw new Error(`not within 40 s: ${what}: ${JSON.stringify(await statusAt(at))}`);
}

const whenDone = (at: number): Promise<ClusterStatus> =>
  whenStatus(at, "the plan is done", ({ plan }) => plan?.state === "done");

/** Nodes of each chain, head first. */
const chains = ({ cluster }: ClusterNode): string[] =>
  Array.from(cluster.image.chains.values(), ({ config }) =>
    config.members.map(({ id }) => id).join(" "),
  );

const refusal = (code: string) => expect.objectContaining({ code });

describe("a node that comes later", () => {
  test("waits and holds nothing until a plan is committed, then has its part", async () => {
    await world.start(2);
    await world.start(3);
    expect((await statusAt(2)).nodes).toMatchObject([
      { nodeId: 1, status: "valid", share: 1, replicas: 12, heads: 12 },
      { nodeId: 2, status: "joining", share: 0, replicas: 0 },
      { nodeId: 3, status: "joining", share: 0 },
    ]);
    const plan = await world.drive(administration(3).draft({ replicasMin: 0 }));
    expect(plan).toMatchObject({
      moveCount: 8,
      moves: { length: 8 },
      shrunkCount: 0,
      lostCount: 0,
    });
    expect(plan.nodes.map(({ now, after }) => [now.replicas, after.replicas])).toEqual([
      [12, 4],
      [0, 4],
      [0, 4],
    ]);
    await world.tick(2_000);
    expect(await sharesAt(2)).toEqual([100, 0, 0]);
    const asked: CommitAsk = { planId: plan.planId, movesAtOnce: 2, acceptsLoss: false };
    const begun = await world.drive(administration(2).commit(asked));
    expect(begun).toMatchObject({ planId: plan.planId, state: "running" });
    expect((await nodeAt(1, 2)).pendingShare).toBeCloseTo(1 / 3);
    const { nodes, plan: done } = await whenDone(3);
    expect(done).toMatchObject({ done: 8, skipped: 0, awaitedNodes: [] });
    expect(nodes.map(({ status, heads }) => [status, heads])).toEqual([
      ["valid", 4],
      ["valid", 4],
      ["valid", 4],
    ]);
    expect(await world.drive(administration(1).commit(asked))).toMatchObject({ state: "done" });
    expect((await world.coordinator.read("plan/")).entries).toEqual([]);
  });

  test("brings what partitions lack to the replicas that a plan is asked for", async () => {
    await world.start(2);
    await commit(1, { replicasMin: 3 });
    await whenDone(1);
    expect(chains(world.node(1)).map((ids) => ids.split(" ").toSorted().join(" "))).toEqual(
      Array(12).fill("1 2"),
    );
  });

  test("gets what its weight asks for", async () => {
    await world.start(2);
    await world.drive(administration(2).changeSeat(2, { weight: 2 }));
    await commit(2);
    await whenDone(2);
    expect(await sharesAt(1)).toEqual([33, 67]);
  });

  test("has no weight without an end, whichever node is asked", async () => {
    await world.start(2);
    for (const at of [1, 2]) {
      const failing = world.drive(administration(at).changeSeat(2, { weight: Infinity }));
      await expect(failing).rejects.toThrow("a weight is a number from 0 to");
    }
  });
});

describe("a plan that was shown", () => {
  test("is refused once the ring is another one, or the controller forgot it", async () => {
    await world.start(2);
    const { planId } = await world.drive(administration(1).draft({ replicasMin: 0 }));
    await world.start(3);
    const asked = { planId, movesAtOnce: 1, acceptsLoss: false };
    const failing = world.drive(administration(2).commit(asked));
    await expect(failing).rejects.toEqual(refusal("PLAN_CHANGED"));
    const unknown = world.drive(administration(2).commit({ ...asked, planId: "none" }));
    await expect(unknown).rejects.toEqual(refusal("PLAN_CHANGED"));
    expect(await sharesAt(1)).toEqual([100, 0, 0]);
  });

  test("is refused once a partition that it moves is moved by somebody else", async () => {
    await world.start(2);
    await commit(1);
    await whenDone(1);
    const { planId } = await world.drive(administration(1).draft({ replicasMin: 2 }));
    const topicId = formatUuid(world.node(1).topic("orders")?.id as Uuid);
    const { byHand } = world.node(1).broker.chainControl as ChainControl;
    const moved = byHand.change({ topicId, partition: 0 }, (config) => ({
      config: { ...config, target: [...config.replicas, 3 - (config.replicas[0] ?? 0)] },
    }));
    await world.drive(moved);
    const asked = { planId, movesAtOnce: 1, acceptsLoss: false };
    const failing = world.drive(administration(1).commit(asked));
    await expect(failing).rejects.toEqual(refusal("PLAN_CHANGED"));
  });

  test("bars others while it runs; paused it begins nothing, cancelled it goes back", async () => {
    await world.create(1, "many", { partitions: 88 });
    await world.start(2);
    await commit(1, { movesAtOnce: 1 });
    const status = await world.drive(administration(2).steer("paused"));
    expect(status.state).toBe("paused");
    const drafting = world.drive(administration(2).draft({ replicasMin: 0 }));
    await expect(drafting).rejects.toEqual(refusal("REASSIGNMENT_IN_PROGRESS"));
    const paused = await whenStatus(1, "nothing copies", ({ plan }) => plan?.running === 0);
    await world.tick(1_000);
    expect((await statusAt(1)).plan?.done).toBe(paused.plan?.done);
    await world.drive(administration(2).steer("running"));
    await world.drive(administration(2).steer("cancelled"));
    await world.tick(2_000);
    const over = world.drive(administration(2).steer("running"));
    await expect(over).rejects.toEqual(refusal("NO_REASSIGNMENT_IN_PROGRESS"));
    const { plan, nodes } = await statusAt(2);
    expect(plan).toMatchObject({ state: "cancelled", waiting: 0, running: 0 });
    expect((plan?.done ?? 0) + (plan?.skipped ?? 0)).toBe(50);
    expect(nodes[1]?.replicas).toBe(plan?.done);
  });

  test("goes on under another controller after the death of the one that began it", async () => {
    await world.start(2);
    await world.start(3);
    await commit(1, { replicasMin: 3 });
    await whenDone(1);
    await world.start(4);
    const { controllerId } = await statusAt(2);
    const planId = await commit(2, { movesAtOnce: 1 });
    const { disk } = world.node(controllerId);
    world.node(controllerId).crash();
    const others = [1, 2, 3, 4].filter((id) => id !== controllerId);
    const [witness = 0] = others;
    const elsewhere = await whenStatus(witness, "another controller", (status) => {
      return status.controllerId !== controllerId;
    });
    expect(elsewhere.plan?.planId).toBe(planId);
    // What is to be there as well can not be whole without it.
    await whenStatus(witness, "the rest is done", ({ plan }) => {
      return plan?.awaitedNodes.join() === String(controllerId) && plan.running < 2;
    });
    await world.start(controllerId, {}, disk);
    await whenDone(witness);
    const four = await nodeAt(witness, 4);
    expect([four.status, four.replicas]).toEqual(["valid", 9]);
  });

  test("stops what needs a node that dies, says so, and goes on with the rest", async () => {
    await world.start(2);
    await world.start(3);
    await world.create(1, "many", { partitions: 48 });
    const planId = await commit(1, { movesAtOnce: 1 });
    world.node(3).crash();
    const waits = await whenStatus(1, "it waits for node 3 alone", ({ plan, nodes }) => {
      const isDown = nodes[2]?.status === "down";
      return isDown && plan?.awaitedNodes.join() === "3" && nodes[1]?.heads === 20;
    });
    expect(waits.plan).toMatchObject({ planId, state: "running" });
    expect(waits.nodes[2]).toMatchObject({ status: "down", sizeBytes: null });
    await world.start(3, {}, world.node(3).disk);
    await whenDone(1);
    expect(await sharesAt(1)).toEqual([33, 33, 33]);
  });
});

describe("a node that is to go", () => {
  beforeEach(async () => {
    await world.start(2);
    await commit(1);
    await whenDone(1);
  });

  test("leaves with nothing left to it, and comes again as one that waits", async () => {
    await world.drive(administration(2).changeSeat(2, { seat: "leaving" }));
    expect((await nodeAt(1, 2)).status).toBe("leaving");
    expect(await sharesAt(1)).toEqual([50, 50]);
    await commit(1);
    await whenDone(1);
    expect(await nodeAt(1, 2)).toMatchObject({ status: "left", replicas: 0, members: 0 });
    await world.drive(administration(1).changeSeat(2, { seat: "joining" }));
    expect((await nodeAt(1, 2)).status).toBe("joining");
    expect(await sharesAt(1)).toEqual([100, 0]);
  });

  test("may stay after all, and may not go when it is the last", async () => {
    await world.drive(administration(1).changeSeat(2, { seat: "leaving" }));
    const last = world.drive(administration(1).changeSeat(1, { seat: "leaving" }));
    await expect(last).rejects.toEqual(refusal("INVALID_REQUEST"));
    await world.drive(administration(1).changeSeat(2, { seat: "joining" }));
    expect((await nodeAt(1, 2)).status).toBe("valid");
  });

  test("gives all it has to the one that replaces it", async () => {
    await world.start(3);
    const held = chains(world.node(1)).filter((ids) => ids === "2").length;
    await world.drive(administration(3).changeSeat(2, { seat: "leaving", replacement: 3 }));
    await commit(3);
    await whenDone(3);
    expect(chains(world.node(1)).filter((ids) => ids === "3")).toHaveLength(held);
    expect((await nodeAt(1, 2)).status).toBe("left");
  });

  test("is removed while it is down; what it alone had begins anew if that is wanted", async () => {
    const asked = { seat: "leaving", isGone: true } as const;
    const up = world.drive(administration(1).changeSeat(2, asked));
    await expect(up).rejects.toEqual(refusal("INVALID_REQUEST"));
    world.node(2).crash();
    await whenStatus(1, "node 2 is down", ({ nodes }) => nodes[1]?.status === "down");
    await world.drive(administration(1).changeSeat(2, asked));
    expect(await nodeAt(1, 2)).toMatchObject({ status: "down", seat: "leaving", isGone: true });
    await expect(commit(1)).rejects.toEqual(refusal("INVALID_REQUEST"));
    await commit(1, { acceptsLoss: true });
    const { nodes } = await whenDone(1);
    expect(nodes.map(({ nodeId, heads }) => [nodeId, heads])).toEqual([[1, 12]]);
  });
});

test("a node that leaves, dies and is removed meanwhile holds up its plan no more", async () => {
  await world.start(2);
  await commit(1);
  await whenDone(1);
  await world.drive(administration(1).changeSeat(2, { seat: "leaving" }));
  await commit(1, { movesAtOnce: 1 });
  world.node(2).crash();
  const { plan } = await whenStatus(1, "the plan waits for it", (seen) => {
    return seen.plan?.awaitedNodes[0] === 2 && seen.nodes[1]?.status === "down";
  });
  await world.drive(administration(1).changeSeat(2, { seat: "leaving", isGone: true }));
  const ended = await whenDone(1);
  expect(ended.plan?.planId).toBe(plan?.planId);
  expect(ended.plan?.skipped).toBeGreaterThan(0);
  // Nothing began anew that nobody accepted to lose.
  expect(ended.nodes[1]?.replicas).toBe(ended.plan?.skipped);
  await commit(1, { acceptsLoss: true });
  const { nodes } = await whenDone(1);
  expect(nodes.map(({ nodeId, heads }) => [nodeId, heads])).toEqual([[1, 12]]);
});

describe("a node that is drained", () => {
  beforeEach(async () => {
    await world.start(2);
    await commit(1, { replicasMin: 2 });
    await whenDone(1);
  });

  test("leads nothing, stays up, and takes part again when it is told so", async () => {
    await world.drive(administration(1).drain(2, true));
    const drained = await whenStatus(1, "node 2 leads nothing", ({ nodes }) => {
      return nodes[1]?.members === 0;
    });
    expect(drained.nodes[1]).toMatchObject({ status: "draining", seat: "valid", heads: 0 });
    expect(drained.nodes[0]?.heads).toBe(12);
    await world.create(1, "later", { partitions: 2 });
    expect(world.node(1).topic("later")).toBeDefined();
    expect((await nodeAt(1, 2)).heads).toBe(0);
    await world.drive(administration(1).drain(2, false));
    await whenStatus(1, "node 2 is in all chains", ({ nodes }) => nodes[1]?.members === 12);
  });

  test("keeps what nobody else can lead, which is told of it before", async () => {
    const needsBoth = new Map([["min.insync.replicas", "2"]]);
    const onBoth = [{ index: 0, replicas: [2, 1] }];
    const alone = [{ index: 0, replicas: [2] }];
    const own = { partitions: -1, replicas: -1 };
    await world.create(1, "both", { ...own, assignments: onBoth, configs: needsBoth });
    await world.create(1, "alone", { ...own, assignments: alone });
    const before = await nodeAt(1, 2);
    expect(before.heads).toBeGreaterThan(before.keptHeads);
    expect(before.keptHeads).toBe(2);
    expect((await nodeAt(1, 1)).keptHeads).toBe(0);
    await world.drive(administration(1).drain(2, true));
    const { nodes } = await whenStatus(1, "the others are led elsewhere", ({ nodes: told }) => {
      return told[1]?.heads === 2;
    });
    expect(nodes[1]?.keptHeads).toBe(2);
    // Who is drained takes over nothing.
    expect(nodes[0]?.keptHeads).toBe(nodes[0]?.heads);
    await world.tick(2_000);
    expect(await nodeAt(1, 2)).toMatchObject({ heads: 2, keptHeads: 2 });
  });

  test("has to be up", async () => {
    const failing = world.drive(administration(1).drain(9, true));
    await expect(failing).rejects.toEqual(refusal("BROKER_NOT_AVAILABLE"));
  });
});
