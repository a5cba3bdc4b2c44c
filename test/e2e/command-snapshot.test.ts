import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import type { Child } from "../support/child-process.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { startNode, xylem } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("snapshot");
const running: Child[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) await child.end("SIGKILL");
});

afterAll(() => removeFolder(folder));

async function start(data: string): Promise<{ client: RawClient; bootstrap: string }> {
  const { child, bootstrap } = await startNode(["start", "--port=0", "--data", data]);
  running.push(child);
  return { client: await RawClient.open(Number(bootstrap.split(":")[1])), bootstrap };
}

const decoder = new TextDecoder();

async function valuesOf(client: RawClient): Promise<string[]> {
  const records = await client.readAll(["orders", 0]);
  return records.map(({ value }) => decoder.decode(value ?? new Uint8Array()));
}

/** A node whose group `billing` has read the first 9 of 12 records. */
async function fill(data: string): Promise<{ client: RawClient; values: string[] }> {
  const { client, bootstrap } = await start(data);
  await client.createTopic("orders", { configs: { "segment.records": "5" } });
  const values = Array.from({ length: 12 }, (_, at) => `value ${at}`);
  for (const value of values) await client.produce(["orders", 0], batchOf([value]));
  const args = ["consume", "orders", "-b", bootstrap, "--group", "billing", "-n", "9"];
  expect((await xylem(args)).stdout.trim().split("\n")).toHaveLength(9);
  return { client, values };
}

async function committedOffset(bootstrap: string): Promise<number> {
  const described = await xylem(["group", "describe", "billing", "-b", bootstrap, "--json"]);
  return Number(/"(?:committed|offset)":(\d+)/.exec(described.stdout)?.[1]);
}

test("a running node's snapshot is restored with records, configs and groups", async () => {
  const [data, snapshot, restored] = ["node", "monday", "again"].map((name) => join(folder, name));
  const { client, values } = await fill(data as string);
  const args = ["--data", data as string, "--to", snapshot as string];
  const taken = await xylem(["snapshot", ...args]);
  expect([taken.stderr, taken.code]).toEqual(["", 0]);
  await client.produce(["orders", 0], batchOf(["after the snapshot"]));
  const first = "orders-0/00000000000000000000.log";
  expect(statSync(join(snapshot as string, first)).nlink).toBe(2);
  expect((await xylem(["snapshot", ...args])).stderr).toContain("is not empty");
  client.close();
  expect((await xylem(["restore", snapshot as string, "--data", data as string])).code).toBe(2);
  const done = await xylem(["restore", snapshot as string, "--data", restored as string]);
  expect([done.stderr, done.code]).toEqual(["", 0]);
  const verified = await xylem(["verify", "--data", restored as string]);
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining(" 0 damaged")]);
  const again = await start(restored as string);
  expect(await valuesOf(again.client)).toEqual(values);
  expect(await committedOffset(again.bootstrap)).toBe(9);
  await again.client.produce(["orders", 0], batchOf(["more"]));
  again.client.close();
  expect(readdirSync(snapshot as string)).toContain(".kafka_cleanshutdown");
});

test("a stopped node's directory is copied too", async () => {
  const [data, snapshot] = ["stopped", "offline"].map((name) => join(folder, name));
  const { client, values } = await fill(data as string);
  client.close();
  await running.pop()?.end("SIGTERM");
  const taken = await xylem(["snapshot", "--data", data as string, "--to", snapshot as string]);
  expect([taken.stderr, taken.code]).toEqual(["", 0]);
  const nothing = await xylem(["restore", join(folder, "nothing"), "--data", join(folder, "new")]);
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("can not be read")]);
  expect(readdirSync(folder)).not.toContain("new");
  const again = await start(snapshot as string);
  expect(await valuesOf(again.client)).toEqual(values);
  again.client.close();
});

test("a broker in this process takes snapshots, from memory too", async () => {
  const path = join(folder, "embedded");
  {
    await using broker = await Xylem.start();
    const orders = await broker.topic("orders");
    await orders.append([{ value: "a" }, { value: "b" }]);
    await broker.snapshot(path);
    await orders.append({ value: "c" });
    await expect(broker.snapshot(path)).rejects.toThrow("is not empty");
  }
  await using again = await Xylem.start({ data: path });
  const texts: string[] = [];
  for await (const record of (await again.topic("orders")).read()) texts.push(record.text());
  expect(texts).toEqual(["a", "b"]);
});
