import { execFileSync } from "node:child_process";
import { runSeed, type SeedReport } from "./run-seed.ts";
import { Totals } from "./totals.ts";

export interface SimulateOptions {
  readonly first: number;
  readonly count: number;
  /** How many of its last events a failure shows. */
  readonly eventsMax: number;
  readonly print: (line: string) => void;
}

/** Runs seeds one after the other and tells totals; a failure at once. Answers whether all held. */
export async function simulate(options: SimulateOptions): Promise<boolean> {
  const totals = new Totals();
  const startedMs = performance.now();
  for (let seed = options.first; seed < options.first + options.count; seed += 1) {
    const report = await runSeed({ seed, eventsMax: options.eventsMax });
    totals.add(report);
    if (report.complaints.length > 0) tellFailure(report, options.print);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  options.print(totals.lines(seconds).join("\n"));
  return totals.failedSeeds.length === 0;
}

type Print = SimulateOptions["print"];

function tellFailure({ seed, complaints, lines, traceHash }: SeedReport, print: Print): void {
  print(`seed ${seed} FAILED at commit ${commit()}, trace ${traceHash}`);
  for (const { checker, text } of complaints.slice(0, 20)) print(`  ${checker}: ${text}`);
  print("last events (seconds, who, what):");
  for (const line of lines) print(`  ${line}`);
  print(`again: npm run simulate -- --seed ${seed} --seeds 1\n`);
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
