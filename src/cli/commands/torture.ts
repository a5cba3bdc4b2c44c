import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { jsonOption } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { formatJson, printLine } from "../terminal.ts";
import { addPowerCutCommands } from "./torture-power-cut.ts";

interface TortureOptions {
  readonly data: string;
  readonly minutes: number;
  readonly json?: boolean;
}

/** How long a broker is loaded before it is killed. */
const loadMsMin = 300;
const loadMsMax = 3_000;

/** `xylem torture`: whether acknowledged means stored, on the disk of whoever asks. */
export function addTortureCommand(program: Command): void {
  const command = program
    .command("torture")
    .enablePositionalOptions()
    .description("kill brokers under load on your own disk and check what they acknowledged")
    .option("--data <directory>", "a directory on the disk to be tried", ".")
    .option("--minutes <count>", "how long", parseMinutes, 1)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Works in a new folder in that directory, which it removes afterwards. It times flushes, then starts
a broker, loads it, kills it at a random moment (SIGKILL), starts it again and checks that each
acknowledged record is there once, whole, at its offset; over and over. A killed process does not
lose what the system has cached: only cutting the power proves that the disk keeps its word.

Exits with 0 when nothing was lost, 1 when something was.

Examples:
  $ xylem torture --data /var/lib --minutes 10

That proof takes two steps, with the ledger on another machine:
  $ ssh host xylem torture write --data /var/lib/tried --ledger - > ledger
  (pull the plug, start the machine, copy the ledger to it)
  $ xylem torture check --data /var/lib/tried --ledger ledger`,
    )
    .action(torture);
  addPowerCutCommands(command);
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (minutes > 0 && Number.isFinite(minutes)) return minutes;
  throw new CommandFailure(`"${text}" is no number of minutes`, exitCodes.usage);
}

async function torture({ data, minutes, json }: TortureOptions): Promise<void> {
  await mkdir(data, { recursive: true });
  const folder = await mkdtemp(join(resolve(data), "xylem-torture-"));
  const tell = (line: string): void => (json ? undefined : printLine(line));
  try {
    const { judgeFlushes, probeFlushes } = await import("../torture/flush-probe.ts");
    const times = await probeFlushes(folder);
    const flushes = { ...times, ...judgeFlushes(times) };
    tell(`a flush takes ${times.medianMicros} µs, the slowest ${times.slowestMicros} µs`);
    tell(`  ${flushes.words}`);
    const killed = await killAgainAndAgain(folder, minutes * 60_000, tell);
    if (json) printLine(formatJson({ flushes, ...killed }));
    for (const violation of killed.violations) tell(`LOST ${violation}`);
    if (killed.violations.length > 0) throw new CommandFailure("what was acknowledged was lost");
    tell(`${killed.rounds} kills, ${killed.acknowledged} records acknowledged, none lost`);
    if (flushes.isDoubtful) tell("but do not trust this disk with a power cut: see above");
    else tell("whether this disk outlives a power cut, only cutting the power can prove");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface TortureReport {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly slowestStartMs: number;
  readonly violations: readonly string[];
}

async function killAgainAndAgain(
  folder: string,
  durationMs: number,
  tell: (line: string) => void,
): Promise<TortureReport> {
  const { BrokerChild } = await import("../torture/broker-child.ts");
  const { ToldRecords } = await import("../torture/told-records.ts");
  const { findViolations, loadUntilGone, makeTopic } = await import("../torture/torture-load.ts");
  const program = process.argv[1] ?? "";
  const data = join(folder, "data");
  const told = new ToldRecords();
  const endMs = performance.now() + durationMs;
  let [rounds, slowestStartMs] = [0, 0];
  let violations: readonly string[] = [];
  let broker = await BrokerChild.start(program, data);
  try {
    await makeTopic(broker.bootstrap);
    while (violations.length === 0 && (rounds === 0 || performance.now() < endMs)) {
      const stop = new AbortController();
      const loading = loadUntilGone(broker.bootstrap, told, stop.signal);
      await sleep(loadMsMin + Math.random() * (loadMsMax - loadMsMin));
      await broker.kill();
      stop.abort();
      await loading;
      broker = await BrokerChild.start(program, data);
      slowestStartMs = Math.max(slowestStartMs, Math.round(broker.startMs));
      violations = await findViolations(broker.bootstrap, told);
      rounds += 1;
      const start = `started again in ${Math.round(broker.startMs)} ms`;
      tell(`kill ${rounds}: ${told.count} records acknowledged so far, ${start}`);
    }
    return { rounds, acknowledged: told.count, slowestStartMs, violations };
  } finally {
    await broker.kill();
  }
}
