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
  const why = whyNoReplacement(ring, id, replacement);
  if (why === undefined) return { ...left, replacement };
  throw refused(`node ${replacement} can not take the place of node ${id}: ${why}`);
}

function whyNoReplacement(
  ring: readonly Seat[],
  id: number,
  replacement: number,
): string | undefined {
  const seat = ring.find((one) => one.id === replacement);
  const back = `\`xylem cluster join ${replacement}\` has it back`;
  if (replacement === id) return "it is the one that goes";
  if (seat === undefined) return `it is not in the cluster, or has left it; ${back}`;
  if (seat.state === "leaving") return "it leaves itself";
  return seat.weight > 0 ? undefined : "its weight is 0";
}

/**
 * The node is lost with its disk: it leaves, and what nobody else holds begins anew, empty. Throws
 * as `leaveRing`.
 */
export function loseFromRing(ring: readonly Seat[], id: number, replacement?: number): Seat {
  return { ...leaveRing(ring, id, replacement), isGone: true };
}

/** A node that wants a part of everything, as it is known now. */
export interface JoiningNode {
  readonly id: number;
  readonly rack: string;
  /** Whether chains have to do with it. */
  readonly holdsChains: boolean;
}

/**
 * A node without a seat waits for a plan; one that was to leave stays. Throws INVALID_REQUEST when
 * it is in the ring already.
 */
export function joinRing(ring: readonly Seat[], { id, rack, holdsChains }: JoiningNode): Seat {
  const known = ring.find((seat) => seat.id === id);
  if (known !== undefined && known.state !== "leaving") {
    const what = known.state === "joining" ? "waits for a plan already" : "has its part already";
    throw refused(`node ${id} ${what}`);
  }
  const { weight } = known ?? { weight: 1 };
  return { id, rack, weight, state: holdsChains ? "valid" : "joining" };
}

/** The node is to have another part of everything. Throws INVALID_REQUEST. */
export function weighInRing(ring: readonly Seat[], id: number, weight: number): Seat {
  const seat = seatOf(ring, id);
  // JSON, which brings it here from another node, makes null of what is no finite number.
  if (!Number.isFinite(weight) || weight < 0 || weight > weightMax) {
    throw refused(`a weight is a number from 0 to ${weightMax}, and not ${weight}`);
  }
  const changed = { ...seat, weight };
  const holds = ring.some((one) => canHold(one.id === id ? changed : one));
  if (!holds && canHold(seat)) throw refused(`node ${id} is the last one that holds replicas`);
  return changed;
}

/** Nodes that have given everything away by a plan: their seats may go. */
export function emptySeats(ring: readonly Seat[], chainCountOf: (id: number) => number): Seat[] {
  return ring.filter(({ id, isReleased }) => isReleased === true && chainCountOf(id) === 0);
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
