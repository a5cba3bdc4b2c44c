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
  const search = new MoveSearch(table, isOff);
  for (;;) {
    nodes.sort((a, b) => b.relative - a.relative || a.seat.id - b.seat.id);
    const move = search.find(nodes);
    if (move === undefined) return;
    table.replace(move.at, move.from.seat.id, move.to);
  }
}

interface Move {
  readonly at: number;
  readonly from: TableNode;
  readonly to: TableNode;
}

class MoveSearch {
  readonly #table: ReplicaTable;
  readonly #isOff: (node: TableNode) => boolean;
  /** By node: racks that none of its replicas may go to; most of them, where racks are few. */
  readonly #barred = new Map<TableNode, Set<string>>();

  constructor(table: ReplicaTable, isOff: (node: TableNode) => boolean) {
    this.#table = table;
    this.#isOff = isOff;
  }

  find(fullestFirst: readonly TableNode[]): Move | undefined {
    const move = this.#findOnce(fullestFirst);
    if (move !== undefined || this.#barred.size === 0) return move;
    // Other moves may have opened a rack since.
    this.#barred.clear();
    return this.#findOnce(fullestFirst);
  }

  #findOnce(fullestFirst: readonly TableNode[]): Move | undefined {
    const emptiestFirst = fullestFirst.toReversed();
    for (const from of fullestFirst) {
      const isFromOff = this.#isOff(from);
      for (const to of emptiestFirst) {
        if (from === to || (!isFromOff && !this.#isOff(to))) continue;
        const at = this.#findReplica(from, to);
        if (at !== undefined) return { at, from, to };
      }
    }
    return undefined;
  }

  #findReplica(from: TableNode, to: TableNode): number | undefined {
    const { rack } = to.seat;
    if (this.#barred.get(from)?.has(rack) === true) return undefined;
    const at = new NodePair(this.#table, from, to).findReplica();
    if (at === undefined && !from.held.some((held) => mayChangeRack(this.#table, held, from, to))) {
      const racks = this.#barred.get(from) ?? new Set();
      this.#barred.set(from, racks.add(rack));
    }
    if (at !== undefined) for (const node of [from, to]) this.#barred.delete(node);
    return at;
  }
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
    if (this.#table.replicas[at]?.includes(this.#to.seat.id) === true) return false;
    return mayChangeRack(this.#table, at, this.#from, this.#to);
  }
}

/** Whether the replica would not share its rack with more others than it does. */
function mayChangeRack(table: ReplicaTable, at: number, from: TableNode, to: TableNode): boolean {
  const { id, rack } = from.seat;
  if (rack === to.seat.rack) return true;
  return table.rackUse(at, to.seat.rack, id) <= table.rackUse(at, rack, id);
}
