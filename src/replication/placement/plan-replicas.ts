import { assert } from "../../base/assert.ts";
import { balanceHeads } from "./balance-heads.ts";
import { balanceReplicas } from "./balance-replicas.ts";
import type { PlacedPartition } from "./node-loads.ts";
import { isSameList } from "./reassignment.ts";
import { ReplicaTable, type TableNode } from "./replica-table.ts";
import { canHold, type Seat } from "./seat.ts";

export interface PlanRules {
  /** Nodes that take the place of others, by the id of the one replaced: its replicas go over. */
  readonly replacements: ReadonlyMap<number, number>;
  /** How far from its share a node may be before replicas move for it; 0.01: one percent. */
  readonly tolerance: number;
  /** Partitions with fewer replicas get as many as this, or as there are nodes; 0: none do. */
  readonly replicasMin?: number;
}

/** One partition that gets other replicas. */
export interface Move {
  readonly key: string;
  readonly from: readonly number[];
  readonly to: readonly number[];
  /** What is copied: the size of a replica for each node that is new to it. */
  readonly sizeBytes: number;
}

/**
 * What has to move so that the seats hold their shares: replicas on nodes that may hold none go
 * away, replicas of a partition spread over racks as far as there are racks, then loads even out,
 * then preferred heads. Nothing else moves, and the moves do not depend on the order given. With
 * fewer nodes than replicas a partition keeps as many as there are nodes.
 */
export function planReplicas(
  partitions: readonly PlacedPartition[],
  seats: readonly Seat[],
  rules: PlanRules,
): Move[] {
  const holding = seats.filter(canHold).sort((a, b) => a.id - b.id);
  assert(holding.length > 0, "a plan leaves at least one node that may hold replicas");
  const movable = partitions.filter(({ isEverywhere, isMoving }) => !isEverywhere && !isMoving);
  const ordered = movable.sort((a, b) => (a.key < b.key ? -1 : 1));
  const table = new ReplicaTable(grown(ordered, holding, rules), holding);
  const planned = new PlannedReplicas(table, rules);
  ordered.forEach((_, at) => planned.evacuate(at));
  ordered.forEach((_, at) => planned.spread(at));
  balanceReplicas(table, rules.tolerance);
  const topics = ordered.map(({ key }) => key.slice(0, key.lastIndexOf("/")));
  balanceHeads(table.replicas as number[][], topics, holding, rules.tolerance);
  return ordered.flatMap((partition, at) => movesOf(partition, table.replicas[at] as number[]));
}

/** Partitions with too few replicas, with the further ones where they are best. */
function grown(
  partitions: readonly PlacedPartition[],
  holding: readonly Seat[],
  rules: PlanRules,
): readonly PlacedPartition[] {
  const { replicasMin = 0 } = rules;
  const wanted = Math.min(replicasMin, holding.length);
  if (partitions.every(({ replicas }) => replicas.length >= wanted)) return partitions;
  const table = new ReplicaTable(partitions, holding);
  const planned = new PlannedReplicas(table, rules);
  return partitions.map((partition, at) => {
    planned.grow(at, wanted);
    return { ...partition, replicas: table.replicas[at] as number[] };
  });
}

/** The steps that one partition needs for itself. */
class PlannedReplicas {
  readonly #table: ReplicaTable;
  readonly #replacements: ReadonlyMap<number, number>;

  constructor(table: ReplicaTable, { replacements }: PlanRules) {
    this.#table = table;
    this.#replacements = replacements;
  }

  /** Replicas leave nodes that may hold none, or are dropped where no node is left for them. */
  evacuate(at: number): void {
    const before = (this.#table.replicas[at] as number[]).slice();
    for (const id of before) {
      if (this.#table.find(id) !== undefined) continue;
      const to = this.#successorOf(at, id) ?? this.#bestFor(at, id);
      if (to === undefined) this.#table.drop(at, id);
      else this.#table.replace(at, id, to);
    }
  }

  /** Those on nodes that may hold none count: others take their places. */
  grow(at: number, count: number): void {
    while ((this.#table.replicas[at] as number[]).length < count) {
      const to = this.#bestFor(at, -1);
      if (to === undefined) return;
      this.#table.append(at, to);
    }
  }

  /** Off a rack with several replicas, as long as another rack would have fewer. */
  spread(at: number): void {
    for (;;) {
      const from = this.#mostCrowded(at);
      if (from === undefined) return;
      const to = this.#bestFor(at, from.seat.id);
      if (to === undefined) return;
      const { id } = from.seat;
      const after = this.#table.rackUse(at, to.seat.rack, id);
      if (after >= this.#table.rackUse(at, from.seat.rack, id)) return;
      this.#table.replace(at, id, to);
    }
  }

  #successorOf(at: number, id: number): TableNode | undefined {
    const to = this.#table.find(this.#replacements.get(id) ?? -1);
    const isFree = to !== undefined && !this.#isHeldBy(at, to);
    return isFree ? to : undefined;
  }

  /** The free node whose rack has the fewest of the others, then the one with the least load. */
  #bestFor(at: number, leaving: number): TableNode | undefined {
    let best: { node: TableNode; use: number } | undefined;
    for (const node of this.#table.nodes) {
      if (this.#isHeldBy(at, node)) continue;
      const use = this.#table.rackUse(at, node.seat.rack, leaving);
      const isBetter =
        best === undefined ||
        use < best.use ||
        (use === best.use && node.relative < best.node.relative);
      if (isBetter) best = { node, use };
    }
    return best?.node;
  }

  /** Of the replicas that share their rack with most others, the one on the fullest node. */
  #mostCrowded(at: number): TableNode | undefined {
    let most: { node: TableNode; use: number } | undefined;
    for (const id of this.#table.replicas[at] as number[]) {
      const node = this.#table.find(id) as TableNode;
      const use = this.#table.rackUse(at, node.seat.rack, -1);
      const isMore =
        most === undefined ||
        use > most.use ||
        (use === most.use && node.relative > most.node.relative);
      if (isMore) most = { node, use };
    }
    return most === undefined || most.use < 2 ? undefined : most.node;
  }

  #isHeldBy(at: number, node: TableNode): boolean {
    return (this.#table.replicas[at] as number[]).includes(node.seat.id);
  }
}

function movesOf({ key, replicas, sizeBytes }: PlacedPartition, to: readonly number[]): Move[] {
  if (isSameList(replicas, to)) return [];
  const newcomers = to.filter((id) => !replicas.includes(id)).length;
  return [{ key, from: replicas, to, sizeBytes: sizeBytes * newcomers }];
}
