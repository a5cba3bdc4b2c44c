import { XylemError } from "../../base/errors.ts";
import type { PlacedPartition } from "./node-loads.ts";
import { planReplicas, type Move, type PlanRules } from "./plan-replicas.ts";
import { canHold, type Seat } from "./seat.ts";
import { sharesOf, type NodeShare } from "./shares.ts";

/** What `cluster plan` shows and `cluster commit` runs. */
export interface PlanDraft {
  /** The ring from the commit on: who waited has its part, who leaves is still there. */
  readonly seats: readonly Seat[];
  readonly moves: readonly Move[];
  readonly shares: readonly NodeShare[];
  /** What the moves copy, in all. */
  readonly sizeBytes: number;
  /** Partitions that lose a replica, because nodes are too few. */
  readonly shrunkCount: number;
  /** Partitions that nobody holds but nodes that do not come back: they begin anew, empty. */
  readonly lostCount: number;
}

export type DraftRules = Omit<PlanRules, "replacements">;

/**
 * What is to move because of the nodes that wait to join or to leave, and to even out the rest.
 * Throws INVALID_REQUEST when no node would be left.
 */
export function draftPlan(
  partitions: readonly PlacedPartition[],
  ring: readonly Seat[],
  rules: DraftRules,
): PlanDraft {
  const seats = ring.map((seat): Seat => {
    if (seat.state === "leaving") return { ...seat, isReleased: true };
    return seat.state === "joining" ? { ...seat, state: "valid" } : seat;
  });
  if (!seats.some(canHold)) throw new XylemError("INVALID_REQUEST", "no node would be left");
  const replacements = new Map<number, number>();
  for (const { id, state, replacement } of seats) {
    if (state === "leaving" && replacement !== undefined) replacements.set(id, replacement);
  }
  const moves = planReplicas(partitions, seats, { ...rules, replacements });
  const gone = new Set(ring.filter(({ isGone }) => isGone).map(({ id }) => id));
  return {
    seats,
    moves,
    shares: sharesOf(partitions, moves, seats),
    sizeBytes: moves.reduce((sum, move) => sum + move.sizeBytes, 0),
    shrunkCount: moves.filter(({ from, to }) => to.length < from.length).length,
    lostCount: partitions.filter(({ replicas }) => replicas.every((id) => gone.has(id))).length,
  };
}
