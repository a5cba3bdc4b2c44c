import type { ReplicaTable, TableNode } from "./replica-table.ts";

/**
 * Moves replicas from nodes with more than their share to nodes with less, as few as it can: always
 * from the fullest to the emptiest, and the replica that evens these two out best. A move never
 * puts two replicas on one node, nor more of them on a rack. Stops where no move helps, or where
 * every node is within `tolerance` of its share (0.01: one percent).
 */
export function balanceReplicas(table: ReplicaTable, tolerance: number): void {
  const nodes = [...table.nodes];
  const totalWeight = nodes.reduce((sum, { seat }) => sum + seat.weight, 0);
  // Loads sum up to 1: each node's share in relation to its weight.
  const even = 1 / totalWeight;
  const isOff = (node: TableNode): boolean => Math.abs(node.relative - even) > tolerance * even;
  for (;;) {
    nodes.sort((a, b) => b.relative - a.relative || a.seat.id - b.seat.id);
    const move = findMove(table, nodes, isOff);
    if (move === undefined) return;
    table.replace(move.at, move.from.seat.id, move.to);
  }
}

interface Move {
  readonly at: number;
  readonly from: TableNode;
  readonly to: TableNode;
}

function findMove(
  table: ReplicaTable,
  fullestFirst: readonly TableNode[],
  isOff: (node: TableNode) => boolean,
): Move | undefined {
  for (const from of fullestFirst) {
    const smallest = from.held[0];
    if (smallest === undefined) continue;
    for (const to of fullestFirst.toReversed()) {
      if (!helps(table.unitOf(smallest), from, to)) break;
      if (!isOff(from) && !isOff(to)) continue;
      const at = bestReplica(table, from, to);
      if (at !== undefined) return { at, from, to };
    }
  }
  return undefined;
}

/** Whether the sum of squares, each by its weight, falls. */
function helps(unit: number, from: TableNode, to: TableNode): boolean {
  return unit * costOf(from, to) * (1 + 1e-9) < 2 * (from.relative - to.relative);
}

function costOf(from: TableNode, to: TableNode): number {
  return 1 / from.seat.weight + 1 / to.seat.weight;
}

/** The replica nearest to what would make the two even, sought in both directions from there. */
function bestReplica(table: ReplicaTable, from: TableNode, to: TableNode): number | undefined {
  const ideal = (from.relative - to.relative) / costOf(from, to);
  let above = from.placeOf(ideal);
  let below = above - 1;
  for (;;) {
    const larger = from.held[above];
    const smaller = from.held[below];
    if (larger === undefined && smaller === undefined) return undefined;
    const isLargerNearer =
      smaller === undefined ||
      (larger !== undefined && table.unitOf(larger) - ideal < ideal - table.unitOf(smaller));
    const at = (isLargerNearer ? larger : smaller) as number;
    if (isLargerNearer) above += 1;
    else below -= 1;
    if (isLargerNearer && !helps(table.unitOf(at), from, to)) {
      above = from.held.length;
      continue;
    }
    if (fits(table, at, from, to)) return at;
  }
}

function fits(table: ReplicaTable, at: number, from: TableNode, to: TableNode): boolean {
  if (table.replicas[at]?.includes(to.seat.id) === true) return false;
  if (from.seat.rack === to.seat.rack) return true;
  const { id } = from.seat;
  return table.rackUse(at, to.seat.rack, id) <= table.rackUse(at, from.seat.rack, id);
}
