import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

const folder = makeTemporaryFolder("http-records");
let xylem: Xylem;

const start = async (): Promise<void> => {
  xylem = await Xylem.start({ data: join(folder, "data") });
};
beforeAll(start);
afterAll(async () => {
  await xylem.close();
  removeFolder(folder);
});

interface Told {
  readonly status: number;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

async function ask(method: string, path: string, init: RequestInit = {}): Promise<Told> {
  const answer = await fetch(`${xylem.url}/v1${path}`, { method, ...init });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
  return { status: answer.status, text, json: isJson ? JSON.parse(text) : {} };
}

const post = (topic: string, body: string, headers: Record<string, string> = {}, query = "") =>
  ask("POST", `/topics/${topic}/records${query}`, { body, headers });
const read = (topic: string, query: string) =>
  ask("GET", `/topics/${topic}/partitions/0/records?${query}`);
const lines = { "content-type": "application/x-ndjson" };
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => `${from + at}`);

const orderOf = (id: number): string =>
  JSON.stringify({ id, state: id % 10 === 0 ? "paid" : "open" });

interface Page {
  readonly records: readonly { readonly offset: number; readonly value: unknown }[];
}
const values = ({ json }: Told): string[] =>
  (json as unknown as Page).records.map(({ value }) => String(value));

test("plain lines are one record each, bytes kept, the last one too", async () => {
  await post("lines", ' {"a": 1.0}\nnot JSON\nlast', lines);
  const answer = await fetch(`${xylem.url}/v1/topics/lines/partitions/0/records`, {
    headers: { accept: "text/plain" },
  });
  expect(await answer.text()).toBe(' {"a": 1.0}\nnot JSON\nlast\n');
});

describe("reading", () => {
  beforeAll(async () => {
    await post("read", numbers(0, 100).join("\n"), lines);
    await (await xylem.topic("empty")).append([]);
  });

  test.each([
    ["offset=4&limit=3", numbers(4, 7)],
    ["offset=10&limit=20", numbers(10, 30)],
    ["offset=-20", numbers(80, 100)],
    ["offset=-5&limit=2", numbers(95, 97)],
    ["offset=-200&limit=200", numbers(0, 100)],
    ["offset=0&max-bytes=7", numbers(0, 7)],
    ["offset=0&max-bytes=1", numbers(0, 1)],
    ["offset=latest", []],
    ["offset=100", []],
  ])("from %s", async (query, expected) => {
    expect(values(await read("read", query))).toEqual(expected);
  });

  test("an answer says where it ended, where the log does, and where it begins", async () => {
    const place = { nextOffset: 30, highWatermark: 100, logStart: 0 };
    expect((await read("read", "offset=10&limit=20")).json).toMatchObject(place);
    expect((await read("empty", "")).json).toMatchObject({ nextOffset: 0, highWatermark: 0 });
    await post("empty", "x");
    expect((await read("empty", "")).json).toMatchObject({ nextOffset: 1, highWatermark: 1 });
  });

  test("an unknown topic is named and not made", async () => {
    const { status, json } = await read("unknown", "");
    expect([status, json["code"]]).toEqual([404, "UNKNOWN_TOPIC_OR_PARTITION"]);
    expect(xylem.topics()).not.toContain("unknown");
  });

  test("past the end there is a range, and a reset if it was asked for", async () => {
    const { status, json } = await read("read", "offset=101");
    expect([status, json]).toMatchObject([416, { logStart: 0, highWatermark: 100 }]);
    const reset = await read("read", "offset=101&reset=earliest&limit=1");
    expect(reset.json).toMatchObject({ wasReset: true, nextOffset: 1 });
  });

  test("what retention took is told with what is left; a reset says that it was one", async () => {
    const configs = { "retention.records": 3 };
    const body = JSON.stringify({ partitions: 1, configs });
    const headers = { "content-type": "application/json" };
    expect((await ask("PUT", "/topics/short", { body, headers })).status).toBe(201);
    await post("short", numbers(0, 10).join("\n"), lines);
    await xylem.evict();
    const gone = await read("short", "offset=4");
    expect([gone.status, gone.json]).toMatchObject([416, { logStart: 7, highWatermark: 10 }]);
    const { json } = await read("short", "offset=4&reset=earliest&limit=1");
    expect(json).toMatchObject({ wasReset: true, records: [{ offset: 7 }] });
  });

  test("filters leave out what does not match, and the next page goes on behind it", async () => {
    const orders = numbers(0, 50).map((id) => orderOf(Number(id)));
    await post("orders", orders.join("\n"), lines);
    const first = await read("orders", "json./state=paid&limit=2");
    expect((first.json as unknown as Page).records.map(({ offset }) => offset)).toEqual([0, 10]);
    const next = `offset=${String(first.json["nextOffset"])}&json./state=paid`;
    const { json } = await read("orders", next);
    expect((json as unknown as Page).records.map(({ offset }) => offset)).toEqual([20, 30, 40]);
    expect(json["nextOffset"]).toBe(50);
  });
});

describe("writing on a condition", () => {
  test("of two writers with one expectation one wins; the other is told both numbers", async () => {
    await post("guarded", "first");
    const write = () => post("guarded", "next", { "if-match": '"1"' });
    const answers = await Promise.all([write(), write()]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 412]);
    const { json } = answers.find(({ status }) => status === 412) as Told;
    expect(json).toMatchObject({ expected: 1, actual: 2 });
  });

  test("ten clients that each patch one item in lose none; their patches are kept", async () => {
    const patch = (body: string, topic = "docs") =>
      ask("PATCH", `/topics/${topic}/records/latest`, {
        body,
        headers: { "content-type": "application/json-patch+json" },
      });
    expect((await patch("[]")).status).toBe(404);
    await post("docs", '{"items":[]}', { "content-type": "application/json" });
    const add = (item: number) => `[{"op":"add","path":"/items/-","value":${item}}]`;
    await Promise.all(Array.from({ length: 10 }, (_, item) => patch(add(item))));
    const newest = ((await read("docs", "offset=-1")).json as unknown as Page).records[0]!;
    const { items } = newest.value as { items: number[] };
    expect(items.toSorted((one, other) => one - other)).toEqual(numbers(0, 10).map(Number));
    expect(values(await read("docs-patches", ""))).toHaveLength(10);
  });
});

test("an Idempotency-Key keeps its first answer over a restart", async () => {
  const send = (body: string) => post("paid", body, { ...lines, "idempotency-key": "payment-7" });
  const first = await send("a\nb");
  await xylem.close();
  await start();
  const again = await send("a\nb");
  expect([again.status, again.text]).toEqual([201, first.text]);
  expect((await send("a\nc")).status).toBe(422);
  expect(values(await read("paid", ""))).toEqual(["a", "b"]);
});

test("the newest record of a key is found after a restart", async () => {
  for (const value of ["1", "2"]) await post("users", value, {}, "?key=ada");
  await xylem.close();
  await start();
  expect(await ask("GET", "/topics/users/latest?key=ada")).toMatchObject({
    status: 200,
    text: "2",
  });
  expect((await ask("GET", "/topics/users/latest?key=bob")).status).toBe(404);
});
