import { afterEach, describe, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import type { Coordinator } from "../../ports/coordinator.ts";
import { foundersKey } from "./founders.ts";
import { formatSeat, parseSeat, seatKey, seatsPrefix } from "./seat-entry.ts";
import { takeSeat } from "./take-seat.ts";

const world = new ClusterWorld(1);
const { coordinator } = world;
afterEach(async () => {
  const { entries } = await coordinator.read("");
  await write(...entries.map(({ key }) => [key, null] as const));
});

async function write(...entries: (readonly [key: string, value: string | null])[]): Promise<void> {
  const writes = entries.map(([key, value]) => ({ key, value }));
  if (writes.length > 0) await coordinator.transact([], writes);
}

const take = (nodeId: number, expected: number, by: Coordinator = coordinator): Promise<void> =>
  takeSeat(by, { nodeId, rack: "", expected });

async function validIds(): Promise<number[]> {
  const { entries } = await coordinator.read(seatsPrefix);
  const seats = entries.map(({ key, value }) => parseSeat(key, value));
  return seats.filter(({ state }) => state === "valid").map(({ id }) => id);
}

const valid = (id: number): readonly [string, string] => [
  seatKey(id),
  formatSeat({ id, rack: "", weight: 1, state: "valid" }),
];

describe("nodes that start at once", () => {
  test.each([1, 3, 30])("hold replicas by themselves as far as expected: %i", async (expected) => {
    const ids = Array.from({ length: 30 }, (_, at) => at + 1);
    await Promise.all(ids.map((id) => take(id, expected)));
    expect(await validIds()).toHaveLength(expected);
    expect((await coordinator.read(seatsPrefix)).entries).toHaveLength(30);
  });
});

describe("a node that comes later joins", () => {
  test("where the founders have left, and others hold replicas", async () => {
    await take(1, 1);
    await write([seatKey(1), null], valid(2));
    await take(3, 1);
    expect(await validIds()).toEqual([2]);
  });

  test("though a founder has left, and it was that one itself", async () => {
    for (const id of [1, 2, 3]) await take(id, 3);
    await write([seatKey(3), null]);
    for (const id of [3, 4]) await take(id, 3);
    expect(await validIds()).toEqual([1, 2]);
  });

  test("to a cluster that is older than the note of its founders", async () => {
    await write(valid(1), valid(2));
    await take(3, 2);
    expect(await validIds()).toEqual([1, 2]);
  });
});

test("a cluster that is older than the note gets the nodes it still waits for", async () => {
  await write(valid(1));
  await Promise.all([2, 3, 4].map((id) => take(id, 3)));
  expect(await validIds()).toHaveLength(3);
});

test("a note that a hand has broken keeps no node from its place", async () => {
  await take(1, 1);
  await write([foundersKey, "garbage"]);
  await take(2, 1);
  expect(await validIds()).toEqual([1]);
});

test("who finds its place taken from it in each round is told so", async () => {
  const rival: Pick<Coordinator, "read" | "transact"> = {
    read: (prefix) => coordinator.read(prefix),
    transact: () => Promise.resolve(undefined),
  };
  const asked = take(1, 1, rival as Coordinator);
  await expect(asked).rejects.toMatchObject({ code: "COORDINATOR_NOT_AVAILABLE" });
});
