import type { PlanStatus } from "../../broker/cluster/plans/cluster-orders.ts";
import { formatTable } from "../terminal.ts";
import type { ToldPlan, ToldStatus } from "./cluster-calls.ts";

/** Moves that a table shows. */
const shownMax = 20;

/** The nodes, the plan, and what needs a hand. */
export function formatStatus(told: ToldStatus): string {
  const { nodes, plan, stuck, unreadable, controllerId } = told;
  const rows = nodes.map((node) => ({
    node: node.nodeId,
    status: formatStanding(node),
    rack: node.rack,
    share: percent(node.share),
    pending: percent(node.pendingShare),
    replicas: node.replicas,
    heads: node.heads,
    members: node.members,
    bytes: node.sizeBytes,
    lag: node.lagRecords,
    address: node.addresses["http"] ?? node.addresses["kafka"] ?? null,
  }));
  const lines = [formatTable(rows, "no nodes"), "", formatTotals(nodes)];
  lines.push(`controller: node ${controllerId}`);
  lines.push(plan === null ? "no plan was committed yet" : formatProgress(plan));
  for (const { topic, partition, why } of stuck) {
    lines.push(`${topic}-${partition} needs a hand: ${why}`);
  }
  for (const { key, why } of unreadable) {
    lines.push(`the coordinator's entry ${key} can not be read: ${why}`);
  }
  return lines.join("\n");
}

/** `2 nodes: 1 valid, 1 down; 24 replicas, 12 heads, 2468 bytes`; what nobody tells counts as 0. */
function formatTotals(nodes: ToldStatus["nodes"]): string {
  const statuses = new Map<string, number>();
  const total = { replicas: 0, heads: 0, bytes: 0 };
  for (const { status, replicas, heads, sizeBytes } of nodes) {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    total.replicas += replicas;
    total.heads += heads;
    total.bytes += sizeBytes ?? 0;
  }
  const standing = [...statuses].map(([status, count]) => `${count} ${status}`).join(", ");
  const { replicas, heads, bytes } = total;
  const all = `${replicas} replicas, ${heads} heads, ${bytes} bytes`;
  return `${nodes.length} nodes: ${standing}; ${all}`;
}

function formatStanding(node: ToldStatus["nodes"][number]): string {
  const { status, isGone, isReached, isFull } = node;
  if (isGone) return `${status}, lost`;
  const full = isFull ? `${status}, no room` : status;
  return status === "down" || isReached ? full : `${full}, not reached`;
}

/** `plan 7-1 is running: 3 of 20 moves done, 2 copying, 400 of 2000 bytes`. */
export function formatProgress(plan: PlanStatus): string {
  const { planId, state, waiting, running, done, skipped, doneBytes, sizeBytes } = plan;
  const parts = [`${done} of ${waiting + running + done + skipped} moves done`];
  if (running > 0) parts.push(`${running} copying`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  parts.push(`${doneBytes} of ${sizeBytes} bytes`);
  if (plan.awaitedNodes.length > 0) parts.push(`waits for nodes ${plan.awaitedNodes.join(", ")}`);
  return `plan ${planId} is ${state}: ${parts.join(", ")}`;
}

/** What every node has now and would have, and what moves. */
export function formatPlan(plan: ToldPlan): string {
  const nodes = plan.nodes.map(({ nodeId, now, after }) => ({
    node: nodeId,
    share: percent(now.replicaShare),
    after: percent(after.replicaShare),
    replicas: now.replicas,
    "replicas after": after.replicas,
    heads: now.heads,
    "heads after": after.heads,
    bytes: now.sizeBytes,
    "bytes after": after.sizeBytes,
  }));
  const moves = plan.moves.slice(0, shownMax).map(({ topic, partition, from, to, sizeBytes }) => ({
    topic,
    partition,
    from: from.join(","),
    to: to.join(","),
    bytes: sizeBytes,
  }));
  const lines = [formatTable(nodes, "no nodes"), "", formatTable(moves, "nothing moves")];
  if (plan.moveCount > moves.length) lines.push(`and ${plan.moveCount - moves.length} more`);
  lines.push("", `${plan.moveCount} moves copy ${plan.sizeBytes} bytes`);
  if (plan.leftOut.length > 0) {
    const who = `nodes ${plan.leftOut.join(", ")} get no part`;
    lines.push(`${who}: they are down, or have another cluster.secret`);
  }
  if (plan.shrunkCount > 0) {
    lines.push(`${plan.shrunkCount} partitions lose a replica: there are too few nodes`);
  }
  if (plan.lostCount > 0) {
    lines.push(`${plan.lostCount} partitions would begin anew, empty: all that had them are lost`);
  }
  return lines.join("\n");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
