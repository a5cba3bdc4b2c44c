import { XylemError } from "../../base/errors.ts";
import { canHold, type Seat } from "./seat.ts";

// What people say of nodes; nothing moves before a plan is committed.

/**
 * The node is to give its replicas away, all of them to `replacement` if one is named, up or down
 * itself. Throws INVALID_REQUEST: it has no seat, is the last one that holds replicas, or the other
 * one may hold none.
 */
export function leaveRing(ring: readonly Seat[], id: number, replacement?: number): Seat {
  const { rack, weight } = seatOf(ring, id);
  const staying = ring.filter((seat) => seat.id !== id && seat.state !== "leaving");
  const left: Seat = { id, rack, weight, state: "leaving" };
  if (replacement === undefined) {
    if (staying.some((seat) => seat.weight > 0)) return left;
    throw refused(`node ${id} is the last one that holds replicas`);
  }
  if (staying.some((seat) => seat.id === replacement && seat.weight > 0)) {
    return { ...left, replacement };
  }
  throw refused(`node ${replacement} can not take the place of node ${id}`);
}

/** A node that was to leave stays. Throws INVALID_REQUEST when it was not to, or has no seat. */
export function stayInRing(ring: readonly Seat[], id: number): Seat {
  const { rack, weight, state } = seatOf(ring, id);
  if (state !== "leaving") throw refused(`node ${id} is not about to leave`);
  return { id, rack, weight, state: "valid" };
}

/** The node is to have another part of everything. Throws INVALID_REQUEST. */
export function weighInRing(ring: readonly Seat[], id: number, weight: number): Seat {
  const seat = seatOf(ring, id);
  if (!(weight >= 0 && weight <= weightMax)) {
    throw refused(`a weight is a number from 0 to ${weightMax}, and not ${weight}`);
  }
  const changed = { ...seat, weight };
  const holds = ring.some((one) => canHold(one.id === id ? changed : one));
  if (!holds && canHold(seat)) throw refused(`node ${id} is the last one that holds replicas`);
  return changed;
}

/** Nodes that have given everything away: their seats may go. */
export function emptySeats(ring: readonly Seat[], chainCountOf: (id: number) => number): Seat[] {
  return ring.filter(({ id, state }) => state === "leaving" && chainCountOf(id) === 0);
}

/** Far beyond what differs between machines; sums stay exact enough. */
const weightMax = 1_000;

function seatOf(ring: readonly Seat[], id: number): Seat {
  const seat = ring.find((one) => one.id === id);
  if (seat === undefined) throw refused(`node ${id} is not in the cluster`);
  return seat;
}

function refused(detail: string): XylemError {
  return new XylemError("INVALID_REQUEST", detail);
}
