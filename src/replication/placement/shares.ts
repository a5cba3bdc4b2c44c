import { NodeLoads, type PlacedPartition } from "./node-loads.ts";
import type { Move } from "./plan-replicas.ts";
import type { Seat } from "./seat.ts";

/** What a node has of everything, as `cluster plan` and `cluster status` show it. */
export interface NodeShare {
  readonly id: number;
  readonly now: Share;
  /** Once all moves are made. */
  readonly after: Share;
}

export interface Share {
  readonly replicas: number;
  /** Partitions that prefer it as their head, whoever leads them now. */
  readonly heads: number;
  readonly sizeBytes: number;
  /** Parts of the whole, 0 to 1. */
  readonly replicaShare: number;
  readonly sizeShare: number;
}

/** Seat by seat, those that leave too; moves of partitions that are not there count nothing. */
export function sharesOf(
  partitions: readonly PlacedPartition[],
  moves: readonly Move[],
  seats: readonly Seat[],
): NodeShare[] {
  const targets = new Map(moves.map(({ key, to }) => [key, to]));
  const now = NodeLoads.of(partitions);
  const after = NodeLoads.of(
    partitions.map((one) => ({ ...one, replicas: targets.get(one.key) ?? one.replicas })),
  );
  return seats.map(({ id }) => ({ id, now: shareOf(now, id), after: shareOf(after, id) }));
}

function shareOf(loads: NodeLoads, id: number): Share {
  const { replicas, heads, sizeBytes } = loads.of(id);
  const shares = { replicaShare: loads.replicaShare(id), sizeShare: loads.sizeShare(id) };
  return { replicas, heads, sizeBytes, ...shares };
}
