import { assert } from "../../base/assert.ts";
import type { Seat, SeatState } from "../../replication/placement/seat.ts";

export const seatsPrefix = "ring/";
export const seatKey = (nodeId: number): string => seatsPrefix + nodeId;

const states: ReadonlySet<unknown> = new Set<SeatState>(["joining", "valid", "leaving"]);

export function formatSeat({ rack, weight, state }: Seat): string {
  return JSON.stringify({ rack, weight, state });
}

/** Our own writing: anything else in it is a defect, or a newer version's. */
export function parseSeat(key: string, text: string): Seat {
  const { rack, weight, state } = JSON.parse(text) as Partial<Seat>;
  const id = Number(key.slice(seatsPrefix.length));
  const isWhole =
    Number.isSafeInteger(id) &&
    typeof rack === "string" &&
    typeof weight === "number" &&
    states.has(state);
  assert(isWhole, `the coordinator's entry ${key} is not one of ours: ${text}`);
  return { id, rack, weight, state: state as SeatState };
}
