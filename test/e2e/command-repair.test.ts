import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { xylem } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("repair");
afterAll(() => removeFolder(folder));

const values = Array.from({ length: 12 }, (_, at) => `value ${at} ${"x".repeat(100)}`);
const first = "orders-0/00000000000000000000.log";

async function makeOrders(name: string): Promise<string> {
  const data = join(folder, name);
  await using broker = await Xylem.start({ data });
  const configs = { "segment.records": 5 };
  const orders = await broker.topic("orders", { partitions: 1, configs });
  for (const value of values) await orders.append({ value });
  return data;
}

async function readOrders(data: string): Promise<string[]> {
  await using broker = await Xylem.start({ data });
  const texts: string[] = [];
  const orders = await broker.topic("orders");
  for await (const record of orders.read()) texts.push(record.text());
  expect((await orders.append({ value: "more" })).offset).toBe(values.length);
  return texts;
}

/** Spoils the second and the third of equally large batches. */
function spoil(data: string): Buffer {
  const path = join(data, first);
  const bytes = readFileSync(path);
  const sizeBytes = Math.floor(bytes.length / 5);
  for (const at of [1.5, 2.5]) {
    const position = Math.floor(at * sizeBytes);
    bytes[position] = (bytes[position] ?? 0) ^ 1;
  }
  writeFileSync(path, bytes);
  return bytes;
}

test("damaged offsets are skipped by their exact words, and read as a gap", async () => {
  const data = await makeOrders("skipped");
  const damaged = spoil(data);
  const told = await xylem(["verify", "--data", data]);
  expect(told.code).toBe(1);
  const words = "skip damaged offsets 1-2 of orders-0";
  expect(told.stdout).toContain(`--repair "${words}"`);
  const wrong = await xylem(["verify", "--data", data, "--repair", "skip all"]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining(words)]);
  expect(readFileSync(join(data, first))).toEqual(damaged);
  const done = await xylem(["verify", "--data", data, "--repair", words]);
  expect([done.stderr, done.code]).toEqual(["", 0]);
  expect(done.stdout).toContain(`done: ${words}`);
  expect(readFileSync(join(data, `${first}.damaged`))).toEqual(damaged);
  expect(await readOrders(data)).toEqual(values.filter((_, at) => at !== 1 && at !== 2));
  const after = await xylem(["verify", "--data", data]);
  expect([after.code, after.stdout]).toEqual([0, expect.stringContaining(" 0 damaged")]);
});

test("bytes that no offset is missed for are removed by their exact words", async () => {
  const data = await makeOrders("stray");
  const path = join(data, first);
  const good = readFileSync(path);
  const sizeBytes = Math.floor(good.length / 5);
  const stray = Buffer.alloc(10, 7);
  const parts = [good.subarray(0, sizeBytes), stray, good.subarray(sizeBytes), stray];
  const damaged = Buffer.concat(parts);
  writeFileSync(path, damaged);
  const words = "remove stray bytes from 00000000000000000000.log of orders-0";
  expect((await xylem(["verify", "--data", data])).stdout).toContain(`--repair "${words}"`);
  const done = await xylem(["verify", "--data", data, "--repair", words]);
  expect([done.stderr, done.code]).toEqual(["", 0]);
  expect(readFileSync(path)).toEqual(good);
  expect(readFileSync(join(data, `${first}.damaged`))).toEqual(damaged);
  expect(await readOrders(data)).toEqual(values);
  expect((await xylem(["verify", "--data", data])).code).toBe(0);
});

test("a spoiled index is made again, by its exact words", async () => {
  const data = await makeOrders("reindexed");
  const index = join(data, first.replace(".log", ".timeindex"));
  const bytes = readFileSync(index);
  bytes[3] = (bytes[3] ?? 0) ^ 4;
  writeFileSync(index, bytes);
  const words = "rebuild 00000000000000000000.timeindex of orders-0";
  expect((await xylem(["verify", "--data", data])).stdout).toContain(words);
  expect((await xylem(["verify", "--data", data, "--repair", words])).code).toBe(0);
  expect(existsSync(index)).toBe(false);
  expect(await readOrders(data)).toEqual(values);
});
