import { consumeFrom, deleteTopic, makeTopic, produceInto } from "../perf-tool.ts";
import type { Scenario } from "../scenario.ts";

/** Reads what was just written: from memory or from the page cache. */
export const consume: Scenario = {
  name: "consume 1 KiB, just written",
  needsJava: true,
  figures: ["MB/s", "broker CPU s/GB"],
  isHigherBetter: true,
  isWarmedUp: true,
  async measure(bench) {
    const records = bench.isQuick ? 60_000 : 150_000;
    const load = { records, recordBytes: 1024, durability: "os" } as const;
    const topic = await makeTopic(bench, "os");
    await produceInto(bench, topic, load);
    const figures = await consumeFrom(bench, topic, load);
    await deleteTopic(bench, topic);
    return figures;
  },
};
