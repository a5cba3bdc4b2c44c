import type { ReplicaTable, TableNode } from "./replica-table.ts";

/**
 * Moves replicas from nodes with more than their share to nodes with less, as few as it can, until
 * both the number of replicas and their weight are even: always from the fullest to the emptiest
 * that it helps, and a replica of the weight that is wanted on the average. A move never puts two
 * replicas on one node, nor more of them on a rack. Stops where no move helps, or where every node
 * is within `tolerance` of its share (0.01: one percent).
 */
export function balanceReplicas(table: ReplicaTable, tolerance: number): void {
  const nodes = [...table.nodes];
  // Both sum up to 1: each node's share in relation to its weight.
  const even = 1 / nodes.reduce((sum, { seat }) => sum + seat.weight, 0);
  const isOff = ({ relativeCount, relativeWeight }: TableNode): boolean => {
    const off = Math.max(Math.abs(relativeCount - even), Math.abs(relativeWeight - even));
    return off > tolerance * even;
  };
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
  const emptiestFirst = fullestFirst.toReversed();
  for (const from of fullestFirst) {
    const isFromOff = isOff(from);
    for (const to of emptiestFirst) {
      if (from === to || (!isFromOff && !isOff(to))) continue;
      const pair = new NodePair(table, from, to);
      const at = pair.findReplica();
      if (at !== undefined) return { at, from, to };
    }
  }
  return undefined;
}

/** How a move from one node to another changes the sum of squares of shares, by weight. */
class NodePair {
  readonly #table: ReplicaTable;
  readonly #from: TableNode;
  readonly #to: TableNode;
  readonly #cost: number;
  readonly #weightGap: number;
  /** What any move gains in number; below 0 it loses. */
  readonly #countGain: number;
  /** The weight that evens out, spread over all moves that are to come. */
  readonly #ideal: number;

  constructor(table: ReplicaTable, from: TableNode, to: TableNode) {
    this.#table = table;
    this.#from = from;
    this.#to = to;
    this.#cost = 1 / from.seat.weight + 1 / to.seat.weight;
    const { countUnit } = table;
    const countGap = from.relativeCount - to.relativeCount;
    this.#countGain = countUnit * (2 * countGap - countUnit * this.#cost);
    this.#weightGap = from.relativeWeight - to.relativeWeight;
    const moves = Math.max(1, countGap / (countUnit * this.#cost));
    this.#ideal = this.#weightGap / this.#cost / moves;
  }

  /** The replica nearest to the ideal that helps and fits, sought in both directions from there. */
  findReplica(): number | undefined {
    const { held } = this.#from;
    // No weight gains more than the one that evens out at once; beyond it the gain only falls.
    const best = Math.max(0, this.#weightGap / this.#cost);
    if (!this.#helps(best)) return undefined;
    let above = this.#from.placeOf(this.#ideal);
    let below = above - 1;
    while (above < held.length || below >= 0) {
      const isAbove = this.#isNearer(held[above], held[below]);
      const at = (isAbove ? held[above++] : held[below--]) as number;
      const unit = this.#table.unitOf(at);
      if (this.#helps(unit) && this.#fits(at)) return at;
      if (isAbove && unit >= best && !this.#helps(unit)) above = held.length;
    }
    return undefined;
  }

  /** Whether a move of this weight gains more than what is lost in rounding. */
  #helps(weight: number): boolean {
    const gain = this.#countGain + weight * (2 * this.#weightGap - weight * this.#cost);
    return gain > 1e-9 * this.#table.countUnit ** 2;
  }

  #isNearer(above: number | undefined, below: number | undefined): boolean {
    if (above === undefined || below === undefined) return above !== undefined;
    const table = this.#table;
    return table.unitOf(above) - this.#ideal < this.#ideal - table.unitOf(below);
  }

  #fits(at: number): boolean {
    const { seat } = this.#from;
    const { rack, id } = this.#to.seat;
    if (this.#table.replicas[at]?.includes(id) === true) return false;
    if (seat.rack === rack) return true;
    return this.#table.rackUse(at, rack, seat.id) <= this.#table.rackUse(at, seat.rack, seat.id);
  }
}
