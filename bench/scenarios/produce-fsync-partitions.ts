import { measureProduce } from "../perf-tool.ts";
import type { Scenario } from "../scenario.ts";

/** Each partition has a file of its own to flush: many must not cost much more than one. */
function produceFsyncTo(partitions: number): Scenario {
  return {
    name: `produce 1 KiB to partitions: ${partitions}, fsync before acknowledge`,
    needsJava: true,
    figures: ["MB/s", "broker CPU s/GB", "p99 ms"],
    isHigherBetter: true,
    isWarmedUp: true,
    repetitionsMax: 2,
    measure: (bench) =>
      measureProduce(bench, {
        records: bench.isQuick ? 15_000 : 50_000,
        recordBytes: 1024,
        durability: "fsync",
        partitions,
      }),
  };
}

export const fsyncOne = produceFsyncTo(1);
export const fsyncTwelve = produceFsyncTo(12);
export const fsyncTwoHundred = produceFsyncTo(200);
