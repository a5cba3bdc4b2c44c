import { consumeFrom, deleteTopic, makeTopic, produceInto } from "../perf-tool.ts";
import type { Bench, Figures, Scenario } from "../scenario.ts";

interface ConsumeLoad {
  readonly name: string;
  readonly records: number;
  readonly quickRecords: number;
  /** How often the same records are read: a short run says little. */
  readonly rounds: number;
}

function consume(load: ConsumeLoad): Scenario {
  return {
    name: load.name,
    needsJava: true,
    figures: ["MB/s", "broker CPU s/GB"],
    isHigherBetter: true,
    isWarmedUp: true,
    measure: (bench) => measureConsume(bench, load),
  };
}

/** As much as the tail cache holds by default. */
export const consumeTail = consume({
  name: "consume 1 KiB, the newest 40 MB",
  records: 40_000,
  quickRecords: 40_000,
  rounds: 4,
});

/** Most of it has left the tail cache: from the page cache. */
export const consumeDisk = consume({
  name: "consume 1 KiB, from the disk's cache",
  records: 400_000,
  quickRecords: 250_000,
  rounds: 1,
});

async function measureConsume(bench: Bench, load: ConsumeLoad): Promise<Figures> {
  const records = bench.isQuick ? load.quickRecords : load.records;
  const produced = { records, recordBytes: 1024, durability: "os" } as const;
  const topic = await makeTopic(bench, "os");
  await produceInto(bench, topic, produced);
  const rounds: Figures[] = [];
  for (let round = 0; round < load.rounds; round += 1) {
    rounds.push(await consumeFrom(bench, topic, produced));
  }
  await deleteTopic(bench, topic);
  return mean(rounds);
}

function mean(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0] ?? {});
  const sum = (name: string): number => runs.reduce((total, run) => total + (run[name] ?? 0), 0);
  return Object.fromEntries(names.map((name) => [name, sum(name) / runs.length]));
}
