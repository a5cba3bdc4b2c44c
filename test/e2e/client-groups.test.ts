import { afterEach, beforeEach, expect, test } from "vitest";
import { type ClientRecord, XylemClient } from "../../src/client/index.ts";
import { Xylem } from "../../src/index.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

let folder: string;
let xylem: Xylem;
let client: XylemClient;

beforeEach(async () => {
  folder = makeTemporaryFolder("client-groups");
  xylem = await Xylem.start({ data: folder });
  client = new XylemClient(xylem.url);
  await client.topics.ensure("numbers", { partitions: 1 });
});
afterEach(async () => {
  await xylem.close();
  removeFolder(folder);
});

async function sendNumbers(count: number): Promise<void> {
  await client.append(
    "numbers",
    Array.from({ length: count }, (_, at) => ({ value: at })),
  );
}

const valuesOf = (records: readonly ClientRecord[]) => records.map(({ value }) => value);
const lagNow = async () => (await client.groups.offsets("sum"))[0]?.lag;
const patience = { timeout: 15_000 };

test("a handler that fails now and then sees each record until it succeeds", async () => {
  await sendNumbers(50);
  const done: unknown[] = [];
  const stop = new AbortController();
  let calls = 0;
  const add = (record: ClientRecord): void => {
    calls += 1;
    if (calls % 10 === 0) throw new Error(`call ${calls} fails`);
    done.push(record.value);
    if (done.length === 50) stop.abort();
  };
  const failures: string[] = [];
  const options = { topics: ["numbers"], recordsMax: 7, signal: stop.signal };
  while (!stop.signal.aborted) {
    await client.groups.consume("sum", options, add).catch((error: unknown) => {
      failures.push(String(error));
    });
  }
  expect(done).toEqual(Array.from({ length: 50 }, (_, at) => at));
  expect(failures).toHaveLength(5);
  expect(failures[0]).toBe("Error: call 10 fails");
  expect(await lagNow()).toBe(0);
});

test("what was in hand when a member stopped without a word comes to the next", async () => {
  await sendNumbers(4);
  const fetched = await client.groups.fetch("sum", { topics: ["numbers"], member: "lost" });
  expect(fetched.records).toHaveLength(4);
  await client.groups.leave("sum", "lost");
  const seen: ClientRecord[] = [];
  const stop = new AbortController();
  await client.groups.consume("sum", { topics: ["numbers"], signal: stop.signal }, (record) => {
    seen.push(record);
    if (seen.length === 4) stop.abort();
  });
  expect(valuesOf(seen)).toEqual([0, 1, 2, 3]);
});

test("consuming goes on over a restart, and ends in silence by its signal", async () => {
  const port = Number(new URL(xylem.url).port);
  const stop = new AbortController();
  const seen: ClientRecord[] = [];
  const options = { topics: ["numbers"], signal: stop.signal };
  const consuming = client.groups.consume("sum", options, (record) => seen.push(record));
  await sendNumbers(2);
  await expect.poll(() => valuesOf(seen), patience).toEqual([0, 1]);
  await xylem.close();
  xylem = await Xylem.start({ data: folder, port });
  await sendNumbers(3);
  await expect.poll(() => valuesOf(seen), patience).toEqual([0, 1, 0, 1, 2]);
  stop.abort();
  await consuming;
  expect(await lagNow()).toBe(0);
  expect((await client.groups.describe("sum")).members).toEqual([]);
});

test("an error that no patience mends ends it", async () => {
  const consuming = client.groups.consume("sum", { topics: ["nothing"] }, () => undefined);
  await expect(consuming).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
});
