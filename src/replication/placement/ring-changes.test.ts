import { describe, expect, test } from "vitest";
import { emptySeats, joinRing, leaveRing, loseFromRing, weighInRing } from "./ring-changes.ts";
import type { Seat } from "./seat.ts";

const seat = (id: number, more: Partial<Seat> = {}): Seat => {
  return { id, rack: "", weight: 1, state: "valid", ...more };
};
const ring = [seat(1), seat(2), seat(3, { state: "joining" }), seat(4, { state: "leaving" })];
const refused = expect.objectContaining({ code: "INVALID_REQUEST" });

describe("a ring", () => {
  test("lets a node leave, by another one's taking its place too, and stay again", () => {
    expect(leaveRing(ring, 1)).toEqual(seat(1, { state: "leaving" }));
    expect(leaveRing(ring, 1, 3)).toEqual(seat(1, { state: "leaving", replacement: 3 }));
    expect(joinRing(ring, { id: 4, rack: "", holdsChains: true })).toEqual(seat(4));
    expect(weighInRing(ring, 2, 2.5)).toEqual(seat(2, { weight: 2.5 }));
  });

  test("has a node wait for a plan that comes anew, or comes back with nothing", () => {
    const waiting = seat(9, { rack: "r", state: "joining" });
    expect(joinRing(ring, { id: 9, rack: "r", holdsChains: false })).toEqual(waiting);
    const back = joinRing(ring, { id: 4, rack: "", holdsChains: false });
    expect(back).toEqual(seat(4, { state: "joining" }));
  });

  test("has a node that is lost leave, and keeps in mind that nothing comes back", () => {
    const lost = seat(2, { state: "leaving", replacement: 3, isGone: true });
    expect(loseFromRing(ring, 2, 3)).toEqual(lost);
  });

  test.each([
    ["a node without a seat leaves", () => leaveRing(ring, 9)],
    ["the last one leaves", () => leaveRing([seat(1), seat(2, { weight: 0 })], 1)],
    ["one that leaves takes another's place", () => leaveRing(ring, 1, 4)],
    ["a node takes its own place", () => leaveRing(ring, 1, 1)],
    ["one joins that is there", () => joinRing(ring, { id: 1, rack: "", holdsChains: true })],
    ["one joins that waits", () => joinRing(ring, { id: 3, rack: "", holdsChains: false })],
    ["a weight is below 0", () => weighInRing(ring, 1, -1)],
    ["a weight is no number", () => weighInRing(ring, 1, NaN)],
    ["the last one would hold nothing", () => weighInRing([seat(1)], 1, 0)],
  ])("refuses that %s", (_case, failing) => {
    expect(failing).toThrow(refused);
  });

  test.each([
    [1, "it is the one that goes"],
    [9, "it is not in the cluster, or has left it; `xylem cluster join 9` has it back"],
    [4, "it leaves itself"],
    [5, "its weight is 0"],
  ])("says why node %i can not take the place of another one", (id, why) => {
    const asked = (): Seat => leaveRing([...ring, seat(5, { weight: 0 })], 1, id);
    expect(asked).toThrow(`node ${id} can not take the place of node 1: ${why}`);
  });

  test("is rid of a node when it has given everything away", () => {
    const released = [...ring, seat(5, { state: "leaving", isReleased: true })];
    expect(emptySeats(released, (id) => (id === 5 ? 1 : 0))).toEqual([]);
    expect(emptySeats(released, () => 0).map(({ id }) => id)).toEqual([5]);
  });
});
