import { assert } from "../../base/assert.ts";
import type { PlacedPartition } from "./node-loads.ts";
import type { Seat } from "./seat.ts";

/** Replicas while they are planned: who holds what, in numbers that a plan changes step by step. */
export class ReplicaTable {
  /** In the order of the partitions given; node ids, the preferred head first. */
  readonly replicas: readonly number[][];
  readonly #units: Float64Array;
  readonly #nodes = new Map<number, TableNode>();

  constructor(partitions: readonly PlacedPartition[], seats: readonly Seat[]) {
    this.replicas = partitions.map((partition) => [...partition.replicas]);
    this.#units = unitsOf(partitions);
    for (const seat of seats) this.#nodes.set(seat.id, new TableNode(seat, this.#units));
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

  /** How much of everything one replica of the partition is. */
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

  drop(at: number, from: number): void {
    const ids = this.replicas[at] as number[];
    ids.splice(ids.indexOf(from), 1);
    this.#nodes.get(from)?.remove(at);
  }
}

/** A node that may hold replicas, and which partitions it has, the smallest first. */
export class TableNode {
  readonly seat: Seat;
  readonly #units: Float64Array;
  readonly #held: number[] = [];
  #load = 0;

  constructor(seat: Seat, units: Float64Array) {
    this.seat = seat;
    this.#units = units;
  }

  /** Partitions by the size of their units, rising. */
  get held(): readonly number[] {
    return this.#held;
  }

  /** What it holds, in relation to its weight. */
  get relative(): number {
    return this.#load / this.seat.weight;
  }

  add(at: number): void {
    this.#held.splice(this.placeOf(this.#units[at] as number, at), 0, at);
    this.#load += this.#units[at] as number;
  }

  remove(at: number): void {
    const place = this.placeOf(this.#units[at] as number, at);
    assert(this.#held[place] === at, "a replica is removed where it is");
    this.#held.splice(place, 1);
    this.#load -= this.#units[at] as number;
  }

  /** Where in `held` a unit of this size is, or would be. */
  placeOf(unit: number, at = -1): number {
    let low = 0;
    let high = this.#held.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#held[middle] as number;
      const difference = (this.#units[other] as number) - unit;
      if (difference < 0 || (difference === 0 && other < at)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** As NodeLoads counts: half by number, half by bytes, all replicas together 1. */
function unitsOf(partitions: readonly PlacedPartition[]): Float64Array {
  let replicas = 0;
  let sizeBytes = 0;
  for (const partition of partitions) {
    replicas += partition.replicas.length;
    sizeBytes += partition.sizeBytes * partition.replicas.length;
  }
  return Float64Array.from(partitions, (partition) => {
    const byNumber = 1 / replicas;
    return sizeBytes === 0 ? byNumber : (byNumber + partition.sizeBytes / sizeBytes) / 2;
  });
}
