import { assert } from "../../base/assert.ts";
import { parseJsonObject } from "../../base/json-object.ts";

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
  /** While it leaves: the node that takes all its replicas. */
  readonly replacement?: number;
  /** While it leaves: its disk is lost for good, and with it what nobody else holds. */
  readonly isGone?: true;
  /** While it leaves: a plan was committed by which it gives its replicas away. */
  readonly isReleased?: true;
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

/** Whether topics with `replicas=all` are there: until a plan takes them away. */
export function holdsEverywhere(seat: Seat): boolean {
  return canHold(seat) || (seat.state === "leaving" && seat.isReleased !== true);
}

export const seatsPrefix = "ring/";

export const seatKey = (id: number): string => `${seatsPrefix}${id}`;

export function formatSeat(seat: Seat): string {
  return JSON.stringify({ ...seat, id: undefined });
}

/** Our own writing: anything else in it is a defect, or a newer version's. */
export function parseSeat(key: string, text: string): Seat {
  const value = parseJsonObject(text) ?? {};
  const { rack, weight, state, replacement, isGone, isReleased } = value;
  const id = Number(key.slice(seatsPrefix.length));
  const isWhole =
    Number.isSafeInteger(id) &&
    typeof rack === "string" &&
    typeof weight === "number" &&
    (state === "joining" || state === "valid" || state === "leaving") &&
    (replacement === undefined || typeof replacement === "number");
  assert(isWhole, `the coordinator's entry ${key} is not one of ours: ${text}`);
  return {
    id,
    rack,
    weight,
    state,
    ...(replacement === undefined ? {} : { replacement }),
    ...(isGone === true ? { isGone } : {}),
    ...(isReleased === true ? { isReleased } : {}),
  };
}
