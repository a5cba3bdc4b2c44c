import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Catch, Hunt } from "./hunt-planted.ts";
import { plantedPlays, plantedRules } from "./planted-rules.ts";

/** A fault that is not met within so many schedules counts as one that they do not see. */
const schedulesMax = 2_000;
const program = fileURLToPath(new URL("./hunt-planted.ts", import.meta.url));

async function hunt(options: Hunt): Promise<Catch | undefined> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    JSON.stringify(options),
  ]);
  return (JSON.parse(stdout) as Catch | null) ?? undefined;
}

test.concurrent.each(plantedRules)(
  "random schedules meet the fault when $without ($rule)",
  async ({ plants }) => {
    expect(await hunt({ plants, first: 1, count: schedulesMax })).toBeDefined();
  },
);

/** Rules that a reader can look up. */
const written = [...plantedPlays, ...plantedRules].flatMap(({ scenario, ...rule }) =>
  scenario === undefined ? [] : [{ ...rule, scenario }],
);

test.concurrent.each(written)(
  "a written schedule goes otherwise when $without ($rule)",
  async ({ plants, scenario }) => {
    expect(await hunt({ plants, first: 1, count: 0, scenario })).toBeDefined();
  },
);

test("nothing is found where nothing is planted", async () => {
  expect(await hunt({ plants: [], first: 1, count: 20 })).toBeUndefined();
  for (const scenario of new Set(written.map((rule) => rule.scenario))) {
    expect(await hunt({ plants: [], first: 1, count: 0, scenario })).toBeUndefined();
  }
});

test("a fault is planted in one place, or not at all", async () => {
  const file = "replication/chain-replica.ts";
  const twice = { file, text: "this.#isHead", instead: "true" };
  await expect(hunt({ plants: [twice], first: 1, count: 1 })).rejects.toThrow(/has \d+ this/);
  const nowhere = { file: "replication/no-such-file.ts", text: "a", instead: "b" };
  await expect(hunt({ plants: [nowhere], first: 1, count: 1 })).rejects.toThrow(/not loaded/);
});
