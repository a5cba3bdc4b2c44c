import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { xylem, xylemProgram } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("torture-cut");
const written = join(folder, "written");
const ledger = join(folder, "ledger");
const lines = (): string[] => readFileSync(ledger, "utf8").trim().split("\n");

beforeAll(async () => {
  const args = ["torture", "write", "--data", written, "--ledger", ledger];
  // A group of its own: writer and broker die in one moment, as when the power goes.
  const options = { detached: true, stdio: "ignore" } as const;
  const writer = spawn(process.execPath, [xylemProgram, ...args], options);
  const exited = once(writer, "exit");
  try {
    await waitUntil("200 records told", () => existsSync(ledger) && lines().length > 200);
  } finally {
    process.kill(-(writer.pid ?? 0), "SIGKILL");
    await exited;
  }
});
afterAll(() => removeFolder(folder));

const check = (data: string, from = ledger) =>
  xylem(["torture", "check", "--data", data, "--ledger", from, "--json"]);

function copy(name: string): string {
  const data = join(folder, name);
  cpSync(written, data, { recursive: true, filter: (from) => !statSync(from).isSocket() });
  return data;
}

test("what a ledger tells is there after a kill, a cut last line or not", async () => {
  const acknowledged = lines().length;
  const cut = join(folder, "cut-ledger");
  writeFileSync(cut, readFileSync(ledger));
  appendFileSync(cut, "0 99999999 9");
  for (const from of [ledger, cut]) {
    const { code, stdout, stderr } = await check(copy(`after-${from === cut}`), from);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({ acknowledged, violations: [] });
  }
});

test("records that the disk has lost are told", async () => {
  const data = copy("shortened");
  const partition = lines().at(-1)?.split(" ")[0] ?? "";
  const log = join(data, `torture-${partition}`, "00000000000000000000.log");
  truncateSync(log, statSync(log).size >> 1);
  const { code, stdout } = await check(data);
  expect(code).toBe(1);
  const { violations } = JSON.parse(stdout) as { violations: string[] };
  expect(violations[0]).toMatch(new RegExp(`^${partition}: record \\d+, .*is missing$`));
});

test("a partition that is gone with its folder is told", async () => {
  const data = copy("emptied");
  for (const name of readdirSync(data)) {
    if (name.startsWith("torture-")) removeFolder(join(data, name));
  }
  const { code, stdout } = await check(data);
  expect([code, stdout]).toEqual([1, expect.stringContaining("is missing")]);
});

test("a used directory, a ledger that is there, and none at all are refused", async () => {
  const write = (data: string, to: string) =>
    xylem(["torture", "write", "--data", data, "--ledger", to]);
  expect((await write(written, join(folder, "other"))).code).toBe(2);
  expect((await write(join(folder, "fresh"), ledger)).code).toBe(2);
  expect((await check(written, join(folder, "absent"))).code).toBe(2);
  expect((await check(join(folder, "absent"))).code).toBe(2);
});
