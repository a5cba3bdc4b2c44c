import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assignReplicas } from "./assign-replicas.ts";
import { NodeLoads } from "./node-loads.ts";
import type { Seat } from "./seat.ts";

const seat = (id: number, more: Partial<Seat> = {}): Seat => {
  return { id, rack: "", weight: 1, state: "valid", ...more };
};
const seatsOf = (count: number, racks = 1): Seat[] => {
  return Array.from({ length: count }, (_, at) => seat(at + 1, { rack: `r${at % racks}` }));
};

function spreadOf(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

describe("replicas of a new topic", () => {
  const cluster = fc.record({
    nodes: fc.integer({ min: 1, max: 12 }),
    racks: fc.integer({ min: 1, max: 4 }),
    replicas: fc.integer({ min: 1, max: 5 }),
    count: fc.integer({ min: 1, max: 40 }),
  });

  test("are on distinct nodes, and on as many racks as there can be", () => {
    fc.assert(
      fc.property(cluster, ({ nodes, racks, replicas, count }) => {
        fc.pre(replicas <= nodes);
        const seats = seatsOf(nodes, racks);
        const rackOf = new Map(seats.map(({ id, rack }) => [id, rack]));
        for (const ids of assignReplicas({ count, replicas }, seats, new NodeLoads())) {
          expect(new Set(ids).size).toBe(replicas);
          const rackCount = new Set(ids.map((id) => rackOf.get(id))).size;
          expect(rackCount).toBe(Math.min(replicas, racks, nodes));
        }
      }),
    );
  });

  test("differ by one at most from node to node, and so do preferred heads", () => {
    fc.assert(
      fc.property(cluster, ({ nodes, replicas, count }) => {
        fc.pre(replicas <= nodes);
        const seats = seatsOf(nodes);
        const loads = new NodeLoads();
        const assigned = assignReplicas({ count, replicas }, seats, loads);
        for (const ids of assigned) loads.add({ key: "", replicas: ids, sizeBytes: 0 });
        expect(spreadOf(seats.map(({ id }) => loads.of(id).replicas))).toBeLessThanOrEqual(1);
        expect(spreadOf(seats.map(({ id }) => loads.of(id).heads))).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("of many small topics are even over all topics", () => {
    const seats = seatsOf(5);
    const loads = new NodeLoads();
    for (let topic = 0; topic < 50; topic += 1) {
      for (const replicas of assignReplicas({ count: 1, replicas: 2 }, seats, loads)) {
        loads.add({ key: `${topic}`, replicas, sizeBytes: 0 });
      }
    }
    expect(seats.map(({ id }) => loads.of(id).replicas)).toEqual([20, 20, 20, 20, 20]);
    expect(spreadOf(seats.map(({ id }) => loads.of(id).heads))).toBeLessThanOrEqual(1);
  });

  test("follow weights and bytes", () => {
    const seats = [seat(1), seat(2, { weight: 2 }), seat(3, { weight: 0 })];
    const loads = new NodeLoads();
    const assigned = assignReplicas({ count: 30, replicas: 1 }, seats, loads);
    expect(assigned.filter(([id]) => id === 2)).toHaveLength(20);
    expect(assigned.filter(([id]) => id === 3)).toHaveLength(0);

    loads.add({ key: "big", replicas: [1], sizeBytes: 1e9 });
    loads.add({ key: "small", replicas: [2], sizeBytes: 1 });
    expect(assignReplicas({ count: 1, replicas: 1 }, seatsOf(2), loads)).toEqual([[2]]);
  });

  test("avoid nodes that wait for a plan or leave; too few nodes are an error", () => {
    const seats = [seat(1), seat(2, { state: "joining" }), seat(3, { state: "leaving" })];
    expect(assignReplicas({ count: 2, replicas: 1 }, seats, new NodeLoads())).toEqual([[1], [1]]);
    const failing = () => assignReplicas({ count: 1, replicas: 2 }, seats, new NodeLoads());
    expect(failing).toThrow(expect.objectContaining({ code: "INVALID_REPLICATION_FACTOR" }));
  });
});
