import { readdirSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { xylem } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("torture");
afterAll(() => removeFolder(folder));

test("a broker on this disk is killed and keeps what it acknowledged", async () => {
  const args = ["torture", "--data", folder, "--minutes", "0.05", "--json"];
  const { code, stdout, stderr } = await xylem(args);
  expect([stderr, code]).toEqual(["", 0]);
  const report = JSON.parse(stdout) as { rounds: number; acknowledged: number };
  expect(report).toMatchObject({ violations: [], flushes: { words: expect.any(String) } });
  expect(report.rounds).toBeGreaterThan(0);
  expect(report.acknowledged).toBeGreaterThan(0);
  expect(readdirSync(folder)).toEqual([]);
});

test("a wrong number of minutes is refused", async () => {
  expect((await xylem(["torture", "--minutes", "soon"])).code).toBe(2);
});
