import { execFileSync, fork } from "node:child_process";
import { runClusterSeed } from "./cluster/run-cluster-seed.ts";
import { runSeed, type SeedReport } from "./run-seed.ts";
import { Totals, type TotalsJson } from "./totals.ts";

export interface SimulateOptions {
  /** One broker by itself, or several that are a cluster. */
  readonly kind: "node" | "cluster";
  readonly first: number;
  readonly count: number;
  /** How many of its last events a failure shows. */
  readonly eventsMax: number;
  readonly print: (line: string) => void;
  /** Processes that share the seeds; one is this one. */
  readonly workers?: number;
}

/** Runs seeds one after the other and tells totals; a failure at once. Answers whether all held. */
export async function simulate(options: SimulateOptions): Promise<boolean> {
  const { workers = 1 } = options;
  const startedMs = performance.now();
  const totals = new Totals();
  if (workers === 1) await runSeeds(options, totals);
  else await shareSeeds(options, workers, totals);
  const seconds = (performance.now() - startedMs) / 1_000;
  options.print(totals.lines(seconds).join("\n"));
  return totals.failedSeeds.length === 0;
}

async function runSeeds(options: SimulateOptions, totals: Totals): Promise<void> {
  const run = options.kind === "cluster" ? runClusterSeed : runSeed;
  for (let seed = options.first; seed < options.first + options.count; seed += 1) {
    const report = await run({ seed, eventsMax: options.eventsMax });
    totals.add(report);
    if (report.complaints.length > 0) tellFailure(report, options);
  }
}

/** What a process sends of its seeds: lines to print, its totals at the end. */
type Message = { readonly line: string } | { readonly totals: TotalsJson };

/** The same program as this one, each with neighbouring seeds of its own. */
async function shareSeeds(
  options: SimulateOptions,
  workers: number,
  totals: Totals,
): Promise<void> {
  const { kind, first, count, eventsMax, print } = options;
  const each = Math.ceil(count / workers);
  const shares: Promise<void>[] = [];
  for (let begin = first; begin < first + count; begin += each) {
    const own = Math.min(each, first + count - begin);
    const seeds = ["--seed", String(begin), ...countOf(kind, own)];
    const child = fork(process.argv[1] as string, [...seeds, "--events", String(eventsMax)]);
    child.on("message", (message: Message) => {
      if ("line" in message) print(message.line);
      else totals.merge(message.totals);
    });
    shares.push(
      new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code, signal) => {
          if (code === 0 || code === 1) return resolve();
          reject(new Error(`a process ended with ${String(code ?? signal)}`));
        });
      }),
    );
  }
  await Promise.all(shares);
}

/** Of a process that shares the seeds of another one: that one tells what was found. */
export async function simulateForParent(options: SimulateOptions): Promise<boolean> {
  const totals = new Totals();
  // Of a run's many errors nobody reads the stacks; a seed that fails is run again by itself.
  Error.stackTraceLimit = 0;
  // Without the other one nobody wants to know.
  process.once("disconnect", () => process.exit(1));
  const tell = (message: Message): void => void process.send?.(message);
  await runSeeds({ ...options, print: (line) => tell({ line }) }, totals);
  tell({ totals: totals.toJson() });
  return totals.failedSeeds.length === 0;
}

function tellFailure(
  { seed, complaints, lines, traceHash }: SeedReport,
  { kind, print }: Pick<SimulateOptions, "kind" | "print">,
): void {
  print(`seed ${seed} FAILED at commit ${commit()}, trace ${traceHash}`);
  for (const { checker, text } of complaints.slice(0, 20)) print(`  ${checker}: ${text}`);
  print("last events (seconds, who, what):");
  for (const line of lines) print(`  ${line}`);
  print(`again: npm run simulate -- --seed ${seed} ${countOf(kind, 1).join(" ")}\n`);
}

function countOf(kind: SimulateOptions["kind"], count: number): [string, string] {
  return [kind === "cluster" ? "--cluster" : "--seeds", String(count)];
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
