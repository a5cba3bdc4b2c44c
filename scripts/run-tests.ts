// `npm test`: every test, then the skips by name and the totals as the last line.
// `npm test -- test/interop` and other Vitest arguments choose a part.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseExpectedSkips, summarize, type TestEnd, type TestRun } from "./test-summary.ts";

const minuteMs = 60_000;
/** A hung test must not take the totals with it: continuous integration waits 25 minutes. */
const runMsMax = process.env["XYLEM_LONG"] === "1" ? 12 * 60 * minuteMs : 24 * minuteMs;
/** What the last test has just killed may still be ending. */
const endingMsMax = 3_000;

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "xylem-test-run-"));
const runFile = join(folder, "run.json");
const args = process.argv.slice(2);
const errors: string[] = [];

const status = await runVitest();
const summary = summarize(readRun(), parseExpectedSkips(readText("test/expected-skips.txt")));
rmSync(folder, { recursive: true });
console.log(`\n${summary.lines.join("\n")}`);
process.exitCode = summary.failedCount > 0 ? 1 : status;

/** Runs in a process group of its own, so that no process of a test outlives it unseen. */
async function runVitest(): Promise<number> {
  const reporters = [
    "--reporter=default",
    `--reporter=${join(root, "scripts/summary-reporter.ts")}`,
  ];
  const vitest = [join(root, "node_modules/vitest/vitest.mjs"), "run", ...reporters, ...args];
  const child = spawn(process.execPath, vitest, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, XYLEM_TEST_RUN: runFile },
    detached: process.platform !== "win32",
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => signalGroup(child, signal));
  }
  const limit = setTimeout(() => {
    errors.push(`the run was stopped after ${runMsMax / minuteMs} minutes`);
    signalGroup(child, "SIGKILL");
  }, runMsMax);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(limit);
  await endGroup(child);
  return code ?? 1;
}

async function endGroup(child: ChildProcess): Promise<void> {
  const startedMs = performance.now();
  while (signalGroup(child, 0)) {
    if (performance.now() - startedMs > endingMsMax) {
      errors.push("tests left processes behind");
      signalGroup(child, "SIGKILL");
      return;
    }
    await sleep(50);
  }
}

/** Answers whether anybody was there to be told. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (process.platform === "win32" || child.pid === undefined) return child.kill(signal);
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

/** A run that left no outcome behind has failed, whatever its exit code was. */
function readRun(): TestRun {
  if (!existsSync(runFile)) errors.push(`the test run stopped (exit ${status})`);
  const run = existsSync(runFile) ? readOutcome() : { tests: [], errors: [] };
  const tests = run.tests.filter(isChosen);
  if (tests.length === 0) errors.push("no test ran");
  return { tests, errors: [...run.errors, ...errors] };
}

function readOutcome(): TestRun {
  return JSON.parse(readFileSync(runFile, "utf8")) as TestRun;
}

/** With `-t name` Vitest counts the tests of other names as skipped, for no reason of theirs. */
function isChosen({ state, note }: TestEnd): boolean {
  const isByName = args.some((arg) => /^(-t|--testNamePattern)(=|$)/.test(arg));
  return !(isByName && state === "skipped" && !note);
}

function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}
