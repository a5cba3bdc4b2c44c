import { runChainSeed } from "./run-chain-seed.ts";

export interface ChainRun {
  readonly first: number;
  readonly count: number;
  /** How many of its last events a failure shows. */
  readonly eventsMax: number;
  readonly print: (line: string) => void;
}

/** Runs schedules one after the other and tells totals; a failure with its last events. */
export function simulateChains({ first, count, eventsMax, print }: ChainRun): boolean {
  const totals = new Map<string, number>();
  const add = (name: string, number: number): void => {
    totals.set(name, (totals.get(name) ?? 0) + number);
  };
  let failedCount = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const report = runChainSeed(seed);
    add("full schedules", Number(report.isFull));
    add("steps", report.stepCount);
    add("client requests", report.requestCount);
    add("commits", report.commitCount);
    add("records acknowledged", report.acknowledgedCount);
    add("configurations", report.changeCount);
    for (const [kind, number] of report.faults) add(kind, number);
    if (report.violation === undefined) continue;
    failedCount += 1;
    print(`schedule ${seed} FAILED: ${report.violation}`);
    for (const line of runChainSeed(seed, eventsMax).lines) print(`  ${line}`);
    print(`again: npm run simulate -- --chains 1 --seed ${seed}`);
  }
  print(`${count} schedules, ${failedCount} failed`);
  print([...totals].map(([name, number]) => `${name} ${number}`).join(", "));
  return failedCount === 0;
}
