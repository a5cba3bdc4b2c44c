import { defineConfig } from "vitest/config";
import { TestOrder } from "./scripts/test-order.ts";

const isLongRun = process.env["XYLEM_LONG"] === "1";
const minuteMs = 60_000;

/** Quick: files run side by side, all kinds together, each worker's in one process. */
const fast = {
  testTimeout: 20_000,
  isolate: false,
  maxWorkers: "100%",
  sequence: { groupOrder: 0 },
};

/** Real processes on ports and disks: one file after the other, one kind after the other. */
function system(groupOrder: number) {
  const timeoutMs = isLongRun ? 120 * minuteMs : 5 * minuteMs;
  return {
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    fileParallelism: false,
    sequence: { groupOrder },
  };
}

/** Waits for leases or for programs to start, or runs on virtual time and gives way to those. */
const patient = { ...system(3), fileParallelism: true, maxWorkers: 3 };

const coordinators = ["test/interop/{etcd,consul}/**/*.test.ts"];

const kinds = [
  { name: "tidy", include: ["test/tidy/**/*.test.ts"], ...fast, testTimeout: minuteMs },
  { name: "unit", include: ["src/**/*.test.ts", "scripts/**/*.test.ts"], ...fast },
  { name: "vectors", include: ["test/vectors/**/*.test.ts"], ...fast },
  { name: "contracts", include: ["test/contracts/**/*.test.ts"], ...fast },
  {
    name: "simulation",
    include: ["test/simulation/**/*.test.ts"],
    ...patient,
    setupFiles: ["test/simulation/give-way.ts"],
  },
  { name: "support", include: ["test/support/**/*.test.ts"], ...system(1) },
  { name: "package", include: ["test/package/**/*.test.ts"], ...system(2) },
  { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...patient },
  { name: "fuzz", include: ["test/fuzz/**/*.test.ts"], ...system(4) },
  {
    name: "interop",
    include: ["test/interop/**/*.test.ts"],
    exclude: coordinators,
    ...patient,
  },
  { name: "coordinators", include: coordinators, ...patient },
  { name: "crash", include: ["test/crash/**/*.test.ts"], ...system(5) },
  { name: "fault", include: ["test/fault/**/*.test.ts"], ...system(7) },
  { name: "bench", include: ["bench/**/*.test.ts"], ...system(6) },
];

export default defineConfig({
  test: { sequence: { sequencer: TestOrder }, projects: kinds.map((kind) => ({ test: kind })) },
});
