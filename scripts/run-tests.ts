// `npm test`: every test, then the skips by name and the totals as the last line.
// `npm test -- test/interop` and other Vitest arguments choose a part.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseExpectedSkips, summarize, type TestEnd, type TestRun } from "./test-summary.ts";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "xylem-test-run-"));
const runFile = join(folder, "run.json");

const args = process.argv.slice(2);
const status = await runVitest();
const summary = summarize(readRun(), parseExpectedSkips(readText("test/expected-skips.txt")));
rmSync(folder, { recursive: true });
console.log(`\n${summary.lines.join("\n")}`);
process.exitCode = summary.failedCount > 0 ? 1 : status;

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
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** A run that left no outcome behind has failed, whatever its exit code was. */
function readRun(): TestRun {
  if (!existsSync(runFile)) return { tests: [], errors: [`the test run stopped (exit ${status})`] };
  const run = JSON.parse(readFileSync(runFile, "utf8")) as TestRun;
  const tests = run.tests.filter(isChosen);
  return tests.length > 0 ? { ...run, tests } : { tests, errors: [...run.errors, "no test ran"] };
}

/** With `-t name` Vitest counts the tests of other names as skipped, for no reason of theirs. */
function isChosen({ state, note }: TestEnd): boolean {
  const isByName = args.some((arg) => /^(-t|--testNamePattern)(=|$)/.test(arg));
  return !(isByName && state === "skipped" && !note);
}

function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}
