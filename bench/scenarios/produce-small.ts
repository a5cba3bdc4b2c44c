import { measureProduce } from "../perf-tool.ts";
import type { Scenario } from "../scenario.ts";

export const produceSmall: Scenario = {
  name: "produce 100 B, acks=all, left to the OS",
  needsJava: true,
  figures: ["MB/s", "broker CPU s/GB", "p99 ms"],
  isHigherBetter: true,
  isWarmedUp: true,
  measure: (bench) =>
    measureProduce(bench, {
      records: bench.isQuick ? 150_000 : 500_000,
      recordBytes: 100,
      durability: "os",
    }),
};
