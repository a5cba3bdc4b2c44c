import { defineConfig } from "vitest/config";

const isLongRun = process.env["XYLEM_LONG"] === "1";
const minuteMs = 60_000;

/** Pure and quick: files run side by side, all kinds together. */
const fast = { testTimeout: 20_000, maxWorkers: "100%", sequence: { groupOrder: 0 } };

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

/** Waits for leases or for programs to start, or runs on virtual time: two files at once. */
function patient(groupOrder: number) {
  return { ...system(groupOrder), fileParallelism: true, maxWorkers: 2 };
}

const coordinators = ["test/interop/{etcd,consul}/**/*.test.ts"];

const kinds = [
  { name: "tidy", include: ["test/tidy/**/*.test.ts"], ...fast, testTimeout: minuteMs },
  { name: "unit", include: ["src/**/*.test.ts", "scripts/**/*.test.ts"], ...fast },
  { name: "vectors", include: ["test/vectors/**/*.test.ts"], ...fast },
  { name: "contracts", include: ["test/contracts/**/*.test.ts"], ...fast },
  { name: "simulation", include: ["test/simulation/**/*.test.ts"], ...patient(9) },
  { name: "support", include: ["test/support/**/*.test.ts"], ...system(1) },
  { name: "package", include: ["test/package/**/*.test.ts"], ...system(2) },
  { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...patient(3) },
  { name: "fuzz", include: ["test/fuzz/**/*.test.ts"], ...system(4) },
  {
    name: "interop",
    include: ["test/interop/**/*.test.ts"],
    exclude: coordinators,
    ...patient(5),
  },
  { name: "coordinators", include: coordinators, ...patient(6) },
  { name: "crash", include: ["test/crash/**/*.test.ts"], ...system(7) },
  { name: "fault", include: ["test/fault/**/*.test.ts"], ...system(10) },
  { name: "bench", include: ["bench/**/*.test.ts"], ...system(8) },
];

export default defineConfig({ test: { projects: kinds.map((kind) => ({ test: kind })) } });
