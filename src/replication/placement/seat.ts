/**
 * A node's place in the ring, kept at the coordinator below `ring/<id>` and, unlike the node's own
 * entry, not bound to its lease: a node that is down keeps its share.
 */
export interface Seat {
  readonly id: number;
  /** "" : none is known. Nodes without one count as one rack. */
  readonly rack: string;
  /** Its share of the load is its part of the sum of all weights; 0: it gets nothing. */
  readonly weight: number;
  readonly state: SeatState;
}

/**
 * `joining`: it waits for a plan and holds nothing. `valid`: it has a share. `leaving`: it gives
 * its replicas away by the plan that runs.
 */
export type SeatState = "joining" | "valid" | "leaving";

/** Whether new replicas may be placed there. */
export function canHold(seat: Seat): boolean {
  return seat.state === "valid" && seat.weight > 0;
}
