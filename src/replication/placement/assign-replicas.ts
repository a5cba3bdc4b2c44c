import { XylemError } from "../../base/errors.ts";
import { balanceHeads } from "./balance-heads.ts";
import type { NodeLoads } from "./node-loads.ts";
import { canHold, type Seat } from "./seat.ts";

export interface NewPartitions {
  /** How many there are to place. */
  readonly count: number;
  readonly replicas: number;
}

/**
 * Where the replicas of new partitions go: on as many racks as there are, evenly for the topic,
 * then where least is held. The first of each list is its preferred head; heads are even as well.
 * Equal arguments give equal answers. Throws INVALID_REPLICATION_FACTOR when nodes are too few.
 */
export function assignReplicas(
  { count, replicas }: NewPartitions,
  seats: readonly Seat[],
  loads: NodeLoads,
): number[][] {
  const candidates = seats.filter(canHold).map((seat) => new Candidate(seat, loads));
  if (replicas < 1 || replicas > candidates.length) {
    const detail = `${replicas} replicas are asked for and ${candidates.length} nodes may hold one`;
    throw new XylemError("INVALID_REPLICATION_FACTOR", detail);
  }
  const assigned = Array.from({ length: count }, () => assignOne(candidates, replicas));
  const topics = assigned.map(() => "");
  balanceHeads(assigned, topics, seats.filter(canHold), 0);
  return assigned;
}

/** A node, and what this topic has there already. */
class Candidate {
  readonly seat: Seat;
  /** What it holds beside this topic, in relation to its weight. */
  readonly #share: number;
  readonly #heads: number;
  #topicReplicas = 0;
  #topicHeads = 0;

  constructor(seat: Seat, loads: NodeLoads) {
    this.seat = seat;
    this.#share = loads.share(seat.id) / seat.weight;
    this.#heads = loads.of(seat.id).heads / seat.weight;
  }

  /** The least of all is the first to be taken; below each other, from the strongest reason on. */
  get order(): readonly number[] {
    return [this.#topicReplicas / this.seat.weight, this.#share, this.seat.id];
  }

  get headOrder(): readonly number[] {
    return [this.#topicHeads / this.seat.weight, this.#heads, this.seat.id];
  }

  take(isHead: boolean): void {
    this.#topicReplicas += 1;
    if (isHead) this.#topicHeads += 1;
  }
}

function assignOne(candidates: readonly Candidate[], replicas: number): number[] {
  const free = new Set(candidates);
  const chosen: Candidate[] = [];
  const takenByRack = new Map<string, number>();
  while (chosen.length < replicas) {
    const rackUse = (one: Candidate): number => takenByRack.get(one.seat.rack) ?? 0;
    const next = leastOf(free, (one) => [rackUse(one), ...one.order]);
    takenByRack.set(next.seat.rack, rackUse(next) + 1);
    free.delete(next);
    chosen.push(next);
  }
  const head = leastOf(chosen, (one) => one.headOrder);
  const others = chosen.filter((one) => one !== head);
  for (const one of chosen) one.take(one === head);
  return [head, ...others].map((one) => one.seat.id);
}

function leastOf<T>(all: Iterable<T>, orderOf: (one: T) => readonly number[]): T {
  let least: { one: T; order: readonly number[] } | undefined;
  for (const one of all) {
    const order = orderOf(one);
    if (least === undefined || isBefore(order, least.order)) least = { one, order };
  }
  return (least as { one: T }).one;
}

function isBefore(left: readonly number[], right: readonly number[]): boolean {
  for (let at = 0; at < left.length; at += 1) {
    const difference = (left[at] as number) - (right[at] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
