import { expect, test } from "vitest";
import { join } from "node:path";
import { run } from "../support/child-process.ts";

const program = join(import.meta.dirname, "programs", "many-brokers.mjs");

test("20 brokers live in one process, each with its own log, and leave nothing open", async () => {
  const outcome = await run(process.execPath, [program], { timeoutMs: 60_000 });
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(JSON.parse(outcome.stdout)).toMatchObject({ ports: 20, own: true, left: [] });
});
