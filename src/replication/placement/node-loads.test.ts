import { expect, test } from "vitest";
import { NodeLoads } from "./node-loads.ts";

const small = { key: "a", replicas: [1, 2], sizeBytes: 100 };
const large = { key: "b", replicas: [2], sizeBytes: 900 };

test("a node's load is what is assigned to it; what is removed counts no more", () => {
  const loads = NodeLoads.of([small, large]);
  expect(loads.of(2)).toMatchObject({ replicas: 2, heads: 1, sizeBytes: 1_000 });
  expect([loads.replicaShare(1), loads.sizeShare(1)]).toEqual([1 / 3, 100 / 1_100]);
  loads.remove(large);
  expect([1, 2].map((id) => loads.share(id))).toEqual([0.5, 0.5]);
  expect(loads.of(3)).toMatchObject({ replicas: 0, heads: 0, sizeBytes: 0 });
});

test("little data is spread by number, much data by its bytes too", () => {
  const little = NodeLoads.of([small, large]);
  expect(little.share(1)).toBeCloseTo(1 / 3, 3);
  const much = NodeLoads.of([
    { ...small, sizeBytes: 1e12 },
    { ...large, sizeBytes: 8e12 },
  ]);
  expect(much.share(1)).toBeCloseTo((1 / 3 + 1 / 10) / 2, 3);
});
