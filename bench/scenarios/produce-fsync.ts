import { measureProduce } from "../perf-tool.ts";
import type { Scenario } from "../scenario.ts";

export const produceFsync: Scenario = {
  name: "produce 1 KiB, acks=all, fsync before acknowledge",
  needsJava: true,
  figures: ["MB/s", "broker CPU s/GB", "p99 ms"],
  isHigherBetter: true,
  isWarmedUp: true,
  measure: (bench) =>
    measureProduce(bench, {
      records: bench.isQuick ? 20_000 : 75_000,
      recordBytes: 1024,
      durability: "fsync",
    }),
};
