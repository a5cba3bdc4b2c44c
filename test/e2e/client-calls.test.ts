import { afterAll, beforeAll, expect, test } from "vitest";
import { XylemClient, XylemClientError } from "../../src/client/index.ts";
import { HttpDoor } from "../support/http-door.ts";
import { operationsOf } from "../support/openapi-answers.ts";
import type { OpenApi } from "../../src/servers/http/reference/openapi.ts";

let door: HttpDoor;
let client: XylemClient;
const asked = new Set<string>();

beforeAll(async () => {
  door = await HttpDoor.open();
  client = new XylemClient(door.url, {
    fetch: (input, init) => {
      asked.add(`${init?.method ?? "GET"} ${new URL(input as string).pathname}`);
      return fetch(input, init);
    },
  });
});
afterAll(() => door.close());

test("topics are ensured, listed, described, changed and deleted", async () => {
  const made = await client.topics.ensure("orders", { partitions: 2 });
  expect(made.partitions).toHaveLength(2);
  await expect(client.topics.ensure("orders", { isNew: true })).rejects.toMatchObject({
    status: 412,
    code: "TOPIC_ALREADY_EXISTS",
  });
  for (let at = 0; at < 120; at += 1) await client.topics.ensure(`many.${at}`);
  const names: string[] = [];
  for await (const { name } of client.topics.list({ prefix: "many." })) names.push(name);
  expect([names.length, new Set(names).size]).toEqual([120, 120]);
  const configs = { "retention.ms": 60_000 };
  expect(await client.topics.configure("orders", { configs, partitions: 3 })).toMatchObject({
    configs: { "retention.ms": "60000" },
  });
  const told = await client.topics.describe("orders", { segments: true });
  expect(told.partitions.map(({ segments }) => segments?.length)).toHaveLength(3);
  await client.topics.delete("many.0");
  await expect(client.topics.describe("many.0")).rejects.toMatchObject({ status: 404 });
});

test("buckets and configs are read and changed", async () => {
  await client.buckets.ensure("shop", { "retention.ms": 5_000 });
  await client.append("shop.carts", { value: 1 });
  expect(await client.buckets.list()).toMatchObject([{ name: "shop", topics: 1 }]);
  await client.buckets.configure("shop", { "retention.ms": 6_000 });
  expect((await client.buckets.describe("shop")).configs).toEqual({ "retention.ms": "6000" });
  await expect(client.buckets.delete("shop")).rejects.toMatchObject({ status: 409 });
  await client.buckets.delete("shop", { withTopics: true });
  expect((await client.configs.ofNode()).map(({ name }) => name)).toContain("log.durability");
  await client.topics.ensure("kept");
  const changed = await client.configs.change("topics", "kept", { configs: { "retention.ms": 9 } });
  expect(changed.find(({ name }) => name === "retention.ms")?.value).toBe("9");
  const [first] = await client.configs.of("topics", "kept");
  expect(first?.name).toEqual(expect.any(String));
});

test("records come back as they were appended: JSON, text, bytes, keys, headers", async () => {
  await client.topics.ensure("kinds", { partitions: 1 });
  const bytes = Uint8Array.of(0, 159, 146, 150, 255);
  const { records, durable } = await client.append("kinds", [
    { key: "a", value: { total: 9 }, headers: { trace: "1", list: ["x", null, bytes] } },
    { key: bytes, value: "plain" },
    { value: bytes, timestamp: 1_700_000_000_000 },
    { json: "text in JSON" },
    { key: "a", value: null },
  ]);
  expect([durable, records.map(({ offset }) => offset)]).toEqual([false, [0, 1, 2, 3, 4]]);
  const page = await client.read("kinds");
  expect(page).toMatchObject({ nextOffset: 5, logStart: 0, wasReset: false });
  expect(page.records).toMatchObject([
    { key: "a", encoding: "json", value: { total: 9 }, headers: { list: ["x", null, bytes] } },
    { key: bytes, encoding: "text", value: "plain" },
    { key: null, encoding: "bytes", value: bytes, timestamp: 1_700_000_000_000 },
    { encoding: "json", value: "text in JSON" },
    { encoding: "text", value: null },
  ]);
  const raw = await client.record("kinds", 0, 2);
  expect(raw).toMatchObject({ bytes, timestamp: 1_700_000_000_000 });
  expect((await client.record("kinds", 0, 4)).bytes).toBeNull();
  const large = new Uint8Array(300_000).fill(200);
  await client.append("kinds", { value: large });
  expect((await client.read("kinds", { from: -1 })).records[0]?.value).toEqual(large);
});

test("reads begin where they are told to, and filter", async () => {
  const values = Array.from({ length: 250 }, (_, at) => ({ key: `k${at % 5}`, value: { at } }));
  await client.topics.ensure("long", { partitions: 1 });
  await client.append("long", values);
  const offsets: number[] = [];
  for await (const { offset } of client.records("long")) offsets.push(offset);
  expect(offsets).toEqual(values.map((_, at) => at));
  const last = await client.read("long", { from: -3, filter: { key: "k4" } });
  expect(last.records.map(({ value }) => value)).toEqual([{ at: 249 }]);
  const one = await client.read("long", { filter: { json: { "/at": 17 } } });
  expect(one.records.map(({ offset }) => offset)).toEqual([17]);
  await expect(client.read("long", { from: 900 })).rejects.toMatchObject({
    status: 416,
    fields: { highWatermark: 250, logStart: 0 },
  });
  const first = await client.readMany(["long", { topic: "kinds", from: 2 }], { recordsMax: 10 });
  const next = await client.readMany(["long", "kinds"], { cursor: first.cursor });
  const places = [...first.records, ...next.records].map((one_) => `${one_.topic}${one_.offset}`);
  expect(new Set(places).size).toBe(places.length);
  expect(first.records).toHaveLength(10);
});

test("a live iterator waits for what comes, until its signal ends it", async () => {
  await client.topics.ensure("live", { partitions: 1 });
  const stop = new AbortController();
  const reading = client.records("live", { live: true, waitMs: 5_000, signal: stop.signal });
  const next = reading.next();
  await client.append("live", { value: "first" });
  expect((await next).value).toMatchObject({ value: "first" });
  const after = reading.next();
  stop.abort(new Error("enough"));
  await expect(after).rejects.toThrow("enough");
});

test("an append is refused when others came between, and says what was next", async () => {
  await client.topics.ensure("guarded", { partitions: 1 });
  await client.append("guarded", { value: 1 }, { expectedOffset: 0 });
  const late = client.append("guarded", { value: 2 }, { expectedOffset: 0 });
  await expect(late).rejects.toBeInstanceOf(XylemClientError);
  await expect(late).rejects.toMatchObject({
    status: 412,
    code: "OFFSET_MISMATCH",
    retriable: false,
    fields: { expected: 0, actual: 1 },
  });
});

test("the newest document of a key is read and patched", async () => {
  await client.append("docs", { key: "a", value: { name: "x" } });
  const patched = await client.patch("docs", [{ op: "add", path: "/n", value: 1 }], { key: "a" });
  expect(patched.document).toEqual({ name: "x", n: 1 });
  const latest = await client.latest("docs", "a");
  expect(JSON.parse(new TextDecoder().decode(latest?.bytes ?? undefined))).toEqual({
    name: "x",
    n: 1,
  });
  expect(latest).toMatchObject({ contentType: "application/json", offset: 1 });
  expect(await client.latest("docs", "b")).toBeUndefined();
  await expect(client.latest("nothing", "a")).rejects.toMatchObject({ status: 404 });
});

test("groups are fetched for, acknowledged, moved, left and deleted", async () => {
  await client.topics.ensure("work", { partitions: 1 });
  await client.append("work", [{ value: 1 }, { value: 2 }, { value: 3 }]);
  const wanted = { topics: ["work"], member: "m", recordsMax: 2 };
  const fetched = await client.groups.fetch("g", wanted);
  expect(fetched.records.map(({ value }) => value)).toEqual(["1", "2"].map(Number));
  await client.groups.ack("g", { member: "m", cursor: fetched.cursor });
  expect(await client.groups.offsets("g")).toMatchObject([{ offset: 2, lag: 1 }]);
  expect(await client.groups.list()).toMatchObject({
    groups: [{ group: "g", kind: "consumer" }],
    isPartial: false,
    missing: [],
  });
  expect((await client.groups.describe("g")).members).toHaveLength(1);
  await client.groups.leave("g", "m");
  const moved = await client.groups.moveOffsets("g", [{ topic: "work", offset: "earliest" }]);
  expect(moved).toMatchObject([{ offset: 0, lag: 3 }]);
  await client.groups.forgetOffsets("g", { topic: "work" });
  expect(await client.groups.offsets("g")).toEqual([]);
  await client.groups.moveOffsets("g", [{ topic: "work", offset: 1 }]);
  await client.groups.delete("g");
  await expect(client.groups.describe("g")).rejects.toMatchObject({ status: 404 });
});

test("a node tells of itself", async () => {
  expect(await client.health()).toMatchObject({ status: "ok" });
  expect((await client.cluster()).nodes).toHaveLength(1);
  expect(await client.metrics()).toContain("xylem_topics");
  expect(await client.ready()).toBe(true);
  door.isReady = false;
  expect(await client.ready()).toBe(false);
  door.isReady = true;
});

test("a node by itself has no plans", async () => {
  const asked = [
    client.plans.status(),
    client.plans.draft({ replicasMin: 2 }),
    client.plans.commit("p-1", { movesAtOnce: 2 }),
    client.plans.steer("paused"),
    client.plans.changeNode(1, { seat: "leaving" }),
  ];
  for (const call of asked) await expect(call).rejects.toMatchObject({ status: 400 });
});

/** A WebSocket (client-live.test.ts), and a page for people. */
const notCalled = ["GET /v1/socket", "GET /docs/api"];

test("the client has a call for everything that openapi.json describes", async () => {
  const operations = operationsOf((await client.openapi()) as OpenApi);
  const patterns = operations.map(({ name, method, path }) => {
    return { name, pattern: new RegExp(`^${method} ${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`) };
  });
  const met = patterns.filter(({ pattern }) => [...asked].some((one) => pattern.test(one)));
  const missing = patterns.filter((one) => !met.includes(one)).map(({ name }) => name);
  expect(missing).toEqual(notCalled);
  const unknown = [...asked].filter((one) => !patterns.some(({ pattern }) => pattern.test(one)));
  expect(unknown).toEqual([]);
});
