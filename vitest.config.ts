import { defineConfig } from "vitest/config";

const system = { testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false };

/** Kinds of tests in the order in which they run: fast ones first, each after the one before. */
const kinds = [
  { name: "tidy", include: ["test/tidy/**/*.test.ts"], testTimeout: 60_000 },
  { name: "unit", include: ["src/**/*.test.ts", "scripts/**/*.test.ts"], testTimeout: 10_000 },
  { name: "vectors", include: ["test/vectors/**/*.test.ts"], testTimeout: 20_000 },
  { name: "contracts", include: ["test/contracts/**/*.test.ts"], testTimeout: 20_000 },
  { name: "support", include: ["test/support/**/*.test.ts"], ...system },
  { name: "package", include: ["test/package/**/*.test.ts"], ...system },
  { name: "e2e", include: ["test/e2e/**/*.test.ts"], ...system },
  { name: "fuzz", include: ["test/fuzz/**/*.test.ts"], ...system },
  { name: "interop", include: ["test/interop/**/*.test.ts"], ...system },
  { name: "crash", include: ["test/crash/**/*.test.ts"], ...system },
  { name: "bench", include: ["bench/**/*.test.ts"], ...system },
];

export default defineConfig({
  test: {
    projects: kinds.map((kind, order) => ({ test: { ...kind, sequence: { groupOrder: order } } })),
  },
});
