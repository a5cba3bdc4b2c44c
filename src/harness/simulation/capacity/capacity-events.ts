import { draftPlan, type PlanDraft } from "../../../replication/placement/draft-plan.ts";
import { PlanRun } from "../../../replication/placement/plan-run.ts";
import type { IdealCluster } from "./ideal-cluster.ts";
import { Work } from "./work.ts";

const hourMs = 3_600_000;
const tolerance = 0.02;
const movesAtOnceMax = 200;

/** One thing that happens to the cluster, and what it cost the controller. */
export interface CapacityEvent {
  readonly name: string;
  readonly work: Work;
  /** Chains that had to do with it. */
  readonly chains: number;
  /** Of a plan: how long it took to make, how many replicas it copies, how many bytes. */
  readonly plan?: { readonly ms: number; readonly copies: number; readonly sizeBytes: number };
}

export function endOfNode(cluster: IdealCluster, ids: readonly number[]): CapacityEvent {
  const chains = chainsOf(cluster, ids);
  for (const id of ids) cluster.stop(id);
  const name = ids.length === 1 ? "a node ends" : `${ids.length} nodes of a rack end at once`;
  return { name, chains, work: measured(cluster, () => cluster.settle()) };
}

export function returnOfNode(cluster: IdealCluster, ids: readonly number[]): CapacityEvent {
  for (const id of ids) cluster.start(id);
  const name = ids.length === 1 ? "it is back and joins" : "they are back and join";
  const work = measured(cluster, () => cluster.settle());
  return { name, chains: chainsOf(cluster, ids), work };
}

/** After a while preferred heads lead again. */
export function returnOfHeads(cluster: IdealCluster): CapacityEvent {
  const chains = [...cluster.image.chains()].filter(({ config }) => {
    return config.members[0]?.id !== config.replicas[0];
  }).length;
  const work = measured(cluster, () => cluster.settle(24 * hourMs));
  return { name: "preferred heads lead again", chains, work };
}

/** All machines lose power, and start again one after the other. */
export function powerCut(cluster: IdealCluster): CapacityEvent {
  const ids = cluster.seats.map(({ id }) => id);
  for (const id of ids) cluster.stop(id);
  cluster.settle();
  for (const id of ids) cluster.start(id);
  const work = measured(cluster, () => cluster.settle(60_000));
  return { name: "a power cut of all nodes", chains: cluster.image.chainCount, work };
}

export function joinOfNodes(cluster: IdealCluster, count: number): CapacityEvent {
  const first = Math.max(...cluster.seats.map(({ id }) => id)) + 1;
  for (let id = first; id < first + count; id += 1) cluster.addNode(id, "joining");
  return rebalance(cluster, count === 1 ? "a node joins by plan" : `${count} nodes join by plan`);
}

export function leaveOfNode(cluster: IdealCluster, id: number): CapacityEvent {
  cluster.seats = cluster.seats.map((seat) => {
    return seat.id === id ? { ...seat, state: "leaving" } : seat;
  });
  return rebalance(cluster, "a node leaves by plan");
}

function rebalance(cluster: IdealCluster, name: string): CapacityEvent {
  const placed = cluster.placed();
  const startedMs = performance.now();
  const draft = draftPlan(placed, cluster.seats, { tolerance });
  const ms = performance.now() - startedMs;
  cluster.seats = [...draft.seats];
  cluster.image.setSeats(cluster.seats);
  const work = measured(cluster, () => runPlan(cluster, draft));
  const copies = draft.moves.reduce((sum, { from, to }) => {
    return sum + to.filter((id) => !from.includes(id)).length;
  }, 0);
  const plan = { ms, copies, sizeBytes: draft.sizeBytes };
  return { name, chains: draft.moves.length, work, plan };
}

function runPlan(cluster: IdealCluster, { moves }: PlanDraft): void {
  const run = new PlanRun(
    { id: "capacity", state: "running", movesAtOnceMax, moves },
    cluster.image,
    { removalOf: () => undefined, isBehindLogs: () => false },
  );
  for (;;) {
    const { changes, prefers, isDone } = run.step();
    if (isDone && prefers.length === 0) return;
    cluster.apply(changes);
    for (const key of prefers) cluster.controller.prefer(key);
    cluster.settle();
    for (const { key } of changes) run.chainChanged(key);
  }
}

function measured(cluster: IdealCluster, happen: () => void): Work {
  cluster.work = new Work();
  happen();
  return cluster.work;
}

function chainsOf(cluster: IdealCluster, ids: readonly number[]): number {
  const keys = new Set<string>();
  for (const id of ids) for (const key of cluster.image.chainsOf(id)) keys.add(key);
  return keys.size;
}
