import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import type { Child } from "../support/child-process.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { startNode, xylem } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("fork");
const running: Child[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) await child.end("SIGKILL");
});

afterAll(() => removeFolder(folder));

async function start(data: string): Promise<RawClient> {
  const { child, bootstrap } = await startNode(["start", "--port=0", "--data", data]);
  running.push(child);
  return await RawClient.open(Number(bootstrap.split(":")[1]));
}

const decoder = new TextDecoder();

async function valuesOf(client: RawClient, topic: string): Promise<string[]> {
  const records = await client.readAll([topic, 0]);
  return records.map(({ value }) => decoder.decode(value ?? new Uint8Array()));
}

test("a topic that is written to is forked, and the fork survives a kill", async () => {
  const data = join(folder, "busy");
  const client = await start(data);
  await client.createTopic("orders", { configs: { "segment.records": "7" } });
  let isOver = false;
  const written: string[] = [];
  const writing = (async () => {
    for (let at = 0; !isOver; at += 1) {
      await client.produce(["orders", 0], batchOf([`value ${at}`]));
      written.push(`value ${at}`);
    }
  })();
  const ends: number[] = [];
  for (const name of ["first", "second"]) {
    const forked = await xylem(["topic", "fork", "orders", "--as", name, "--data", data, "--json"]);
    expect([forked.stderr, forked.code]).toEqual(["", 0]);
    const { partitions } = JSON.parse(forked.stdout) as { partitions: { end: number }[] };
    ends.push(partitions[0]?.end ?? 0);
  }
  isOver = true;
  await writing;
  const early = ["topic", "fork", "orders", "--as", "early", "--at", "10", "--data", data];
  expect((await xylem(early)).stdout).toMatch(/0 +0 +10/);
  client.close();
  await running.pop()?.end("SIGKILL");
  const again = await start(data);
  expect(ends[0]).toBeLessThan(ends[1] as number);
  expect(await valuesOf(again, "first")).toEqual(written.slice(0, ends[0]));
  expect(await valuesOf(again, "second")).toEqual(written.slice(0, ends[1]));
  expect(await valuesOf(again, "early")).toEqual(written.slice(0, 10));
  expect(await valuesOf(again, "orders")).toEqual(written);
  again.close();
});

test("what can not be forked is told with exit codes", async () => {
  const data = join(folder, "refused");
  const client = await start(data);
  const fork = (...args: string[]) => xylem(["topic", "fork", ...args, "--data", data]);
  const absent = await fork("orders", "--as", "debug");
  expect([absent.code, absent.stderr]).toEqual([
    1,
    "xylem: There is no topic orders (UNKNOWN_TOPIC_OR_PARTITION)\n",
  ]);
  expect((await fork("orders", "--as", "debug", "--at", "soon")).code).toBe(2);
  expect((await fork("orders")).code).toBe(2);
  client.close();
});
