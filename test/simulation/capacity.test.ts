import { expect, test } from "vitest";
import {
  capacityLines,
  simulateCapacity,
} from "../../src/harness/simulation/capacity/simulate-capacity.ts";

const isLong = process.env["XYLEM_LONG"] === "1";

test("a large cluster's controller does what an event needs, and no more", () => {
  const size = isLong ? { nodes: 100, partitions: 100_000 } : { nodes: 10, partitions: 1_000 };
  const racks = isLong ? 10 : 5;
  const report = simulateCapacity({ ...size, racks, replicas: 3, seed: 1 });
  if (isLong) console.log(capacityLines(report).join("\n"));
  expect(report.complaints).toEqual([]);
  const workOf = (name: string) => report.events.find((event) => event.name === name);

  const chains = workOf("a node ends")?.chains as number;
  const transactions = Math.ceil(chains / 64);
  expect(workOf("a node ends")?.work).toMatchObject({ changes: chains, transactions });
  expect(workOf("it is back and joins")?.work.changes).toBe(2 * chains);
  // One member is taken back, two are named and appended.
  expect(workOf("a power cut of all nodes")?.work.changes).toBe(5 * size.partitions);

  const replicasPerNode = (size.partitions * 3) / size.nodes;
  for (const name of ["a node joins by plan", "a node leaves by plan"]) {
    const copies = workOf(name)?.plan?.copies;
    expect(copies).toBeGreaterThan(0.5 * replicasPerNode);
    expect(copies).toBeLessThan(1.5 * replicasPerNode);
  }
});
