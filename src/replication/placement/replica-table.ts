import { assert } from "../../base/assert.ts";
import { weightOf, type PlacedPartition } from "./node-loads.ts";
import type { Seat } from "./seat.ts";

/** Replicas while they are planned: who holds what, in numbers that a plan changes step by step. */
export class ReplicaTable {
  /** In the order of the partitions given; node ids, the preferred head first. */
  readonly replicas: readonly number[][];
  /** A replica's part of the number of all replicas. */
  readonly countUnit: number;
  readonly #units: Float64Array;
  readonly #nodes = new Map<number, TableNode>();

  constructor(partitions: readonly PlacedPartition[], seats: readonly Seat[]) {
    this.replicas = partitions.map((partition) => [...partition.replicas]);
    this.countUnit = 1 / partitions.reduce((sum, { replicas }) => sum + replicas.length, 0);
    this.#units = unitsOf(partitions);
    for (const seat of seats) this.#nodes.set(seat.id, new TableNode(seat, this));
    this.replicas.forEach((ids, at) => {
      for (const id of ids) this.#nodes.get(id)?.add(at);
    });
  }

  get nodes(): IterableIterator<TableNode> {
    return this.#nodes.values();
  }

  /** Undefined for a node that may hold nothing. */
  find(id: number): TableNode | undefined {
    return this.#nodes.get(id);
  }

  /** A replica's part of the weight of everything. */
  unitOf(at: number): number {
    return this.#units[at] as number;
  }

  /** How many of a partition's replicas lie on the rack, `besides` left out. */
  rackUse(at: number, rack: string, besides: number): number {
    let count = 0;
    for (const id of this.replicas[at] as number[]) {
      if (id !== besides && this.#nodes.get(id)?.seat.rack === rack) count += 1;
    }
    return count;
  }

  /** The new replica stands where the old one stood: a preferred head is followed by one. */
  replace(at: number, from: number, to: TableNode): void {
    const ids = this.replicas[at] as number[];
    assert(!ids.includes(to.seat.id), "a node holds one replica of a partition");
    ids[ids.indexOf(from)] = to.seat.id;
    this.#nodes.get(from)?.remove(at);
    to.add(at);
  }

  append(at: number, to: TableNode): void {
    (this.replicas[at] as number[]).push(to.seat.id);
    to.add(at);
  }

  drop(at: number, from: number): void {
    const ids = this.replicas[at] as number[];
    ids.splice(ids.indexOf(from), 1);
    this.#nodes.get(from)?.remove(at);
  }
}

/** A node that may hold replicas, and which partitions it has, the lightest first. */
export class TableNode {
  readonly seat: Seat;
  readonly #table: ReplicaTable;
  readonly #held: number[] = [];
  #weight = 0;

  constructor(seat: Seat, table: ReplicaTable) {
    this.seat = seat;
    this.#table = table;
  }

  /** Partitions by the size of their units, rising. */
  get held(): readonly number[] {
    return this.#held;
  }

  /** Its part of all replicas, in relation to its seat's weight. */
  get relativeCount(): number {
    return (this.#held.length * this.#table.countUnit) / this.seat.weight;
  }

  /** Its part of the weight of everything, in relation to its seat's. */
  get relativeWeight(): number {
    return this.#weight / this.seat.weight;
  }

  /** Both, half each. */
  get relative(): number {
    return (this.relativeCount + this.relativeWeight) / 2;
  }

  add(at: number): void {
    this.#held.splice(this.placeOf(this.#table.unitOf(at), at), 0, at);
    this.#weight += this.#table.unitOf(at);
  }

  remove(at: number): void {
    const place = this.placeOf(this.#table.unitOf(at), at);
    assert(this.#held[place] === at, "a replica is removed where it is");
    this.#held.splice(place, 1);
    this.#weight -= this.#table.unitOf(at);
  }

  /** Where in `held` a unit of this size is, or would be. */
  placeOf(unit: number, at = -1): number {
    let low = 0;
    let high = this.#held.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#held[middle] as number;
      const difference = this.#table.unitOf(other) - unit;
      if (difference < 0 || (difference === 0 && other < at)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** All replicas together weigh 1. */
function unitsOf(partitions: readonly PlacedPartition[]): Float64Array {
  let total = 0;
  for (const partition of partitions) total += weightOf(partition) * partition.replicas.length;
  return Float64Array.from(partitions, (partition) => weightOf(partition) / total);
}
