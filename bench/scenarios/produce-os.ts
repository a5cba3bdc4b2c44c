import { measureProduce } from "../perf-tool.ts";
import type { Scenario } from "../scenario.ts";

export const produceOs: Scenario = {
  name: "produce 1 KiB, acks=all, left to the OS",
  needsJava: true,
  figures: ["MB/s", "broker CPU s/GB", "p99 ms"],
  isHigherBetter: true,
  isWarmedUp: true,
  measure: (bench) =>
    measureProduce(bench, {
      records: bench.isQuick ? 60_000 : 150_000,
      recordBytes: 1024,
      durability: "os",
    }),
};
