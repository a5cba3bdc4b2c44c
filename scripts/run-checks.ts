// `npm run check`: everything fast, before every commit. Runs all steps, then says which failed.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

const steps: readonly { name: string; command: readonly string[] }[] = [
  { name: "format", command: ["oxfmt", "--check", "."] },
  { name: "lint", command: ["oxlint", "."] },
  { name: "types", command: ["tsc", "-b"] },
  { name: "unused", command: ["knip", "--no-config-hints"] },
  {
    name: "tests",
    command: [
      "vitest",
      "run",
      "--reporter=dot",
      ...["tidy", "unit", "contracts", "vectors"].flatMap((project) => ["--project", project]),
    ],
  },
];

const chosen = process.argv.slice(2);
const failed: string[] = [];
for (const { name, command } of steps) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const startedMs = performance.now();
  const [program = "", ...args] = command;
  const outcome = spawnSync(program, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (outcome.error) console.error(outcome.error.message);
  const passed = outcome.status === 0;
  if (!passed) failed.push(name);
  console.log(`${passed ? "passed" : "FAILED"}  ${name}  ${seconds} s`);
}
console.log(failed.length === 0 ? "check passed" : `check failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
