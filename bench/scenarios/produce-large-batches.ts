import { measureProduce } from "../perf-tool.ts";
import type { Scenario } from "../scenario.ts";

export const produceLargeBatches: Scenario = {
  name: "produce 1 KiB in batches of 256 KiB, acks=all, left to the OS",
  needsJava: true,
  figures: ["MB/s", "broker CPU s/GB", "p99 ms"],
  isHigherBetter: true,
  isWarmedUp: true,
  measure: (bench) =>
    measureProduce(bench, {
      records: bench.isQuick ? 60_000 : 200_000,
      recordBytes: 1024,
      durability: "os",
      producer: { "batch.size": "262144", "linger.ms": "10", "buffer.memory": "67108864" },
    }),
};
