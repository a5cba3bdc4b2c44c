import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { performPlay } from "./chain-play.ts";

const folder = new URL("./scenarios/", import.meta.url);
const scenarios = readdirSync(folder).filter((name) => name.endsWith(".txt"));

// `UPDATE_SCENARIOS=1 npx vitest run --project simulation chain-plays` writes what happens now.
test.each(scenarios)("a written schedule goes as it is written: %s", (name) => {
  const path = new URL(name, folder);
  const text = readFileSync(path, "utf8");
  const performed = performPlay(text);
  const isUpdate = process.env["UPDATE_SCENARIOS"] === "1";
  if (isUpdate) writeFileSync(path, performed);
  expect(performed).toBe(isUpdate ? performed : text);
});

test("there is a written schedule for each rule that needs one", () => {
  expect(scenarios.length).toBeGreaterThanOrEqual(18);
});
