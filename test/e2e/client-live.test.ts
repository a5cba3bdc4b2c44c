import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ClientRecord, type SubscribeOptions, XylemClient } from "../../src/client/index.ts";
import { Xylem } from "../../src/index.ts";
import { CutProxy } from "../support/cut-proxy.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

let folder: string;
let xylem: Xylem;
let proxy: CutProxy;
/** Through the network that can be cut. */
let reader: XylemClient;
let writer: XylemClient;

beforeEach(async () => {
  folder = makeTemporaryFolder("client-live");
  xylem = await Xylem.start({ data: folder, settings: { "log.durability": "os" } });
  proxy = await CutProxy.open(xylem.port);
  reader = new XylemClient(`http://127.0.0.1:${proxy.port}`);
  writer = new XylemClient(xylem.url);
});
afterEach(async () => {
  proxy.close();
  await xylem.close();
  removeFolder(folder);
});

const patience = { timeout: 15_000 };
const retryDelays = { initialMs: 20, mostMs: 200 };
const placeOf = ({ topic, partition, offset }: ClientRecord) => `${topic}:${partition}:${offset}`;

describe.each(["sse", "websocket"] as const)("over %s", (transport) => {
  const options: SubscribeOptions = { transport, from: "earliest", retryDelays };

  test("records come once and in order over cuts and a restart", async () => {
    await writer.topics.ensure("a", { partitions: 3 });
    await writer.topics.ensure("b", { partitions: 1 });
    const subscription = reader.subscribe(["a", { topic: "b", from: 0 }], options);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const record of subscription) seen.push(placeOf(record));
    })();
    const sent: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      for (const topic of ["a", "b"]) {
        const records = Array.from({ length: 20 }, (_, at) => ({ key: `${at}`, value: { at } }));
        const { records: appended } = await writer.append(topic, records);
        sent.push(...appended.map((one) => `${topic}:${one.partition}:${one.offset}`));
      }
      if (round === 6) {
        const { port } = xylem;
        await xylem.close();
        xylem = await Xylem.start({ data: folder, port, settings: { "log.durability": "os" } });
      } else if (round % 2 === 0) proxy.drop();
    }
    await expect.poll(() => seen.length, patience).toBeGreaterThanOrEqual(sent.length);
    expect(seen.toSorted()).toEqual(sent.toSorted());
    const inOrder = Map.groupBy(seen, (place) => place.slice(0, 3));
    for (const places of inOrder.values()) {
      const offsets = places.map((place) => Number(place.slice(4)));
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    }
    subscription.close();
    await reading;
  });

  test("a reader that breaks off in the midst goes on behind what it took", async () => {
    await writer.topics.ensure("a", { partitions: 1 });
    const value = "x".repeat(2_000);
    for (let at = 0; at < 20; at += 1) {
      await writer.append(
        "a",
        Array.from({ length: 200 }, () => ({ value })),
      );
    }
    const first = reader.subscribe("a", options);
    let taken = 0;
    for await (const { offset } of first) {
      expect(offset).toBe(taken);
      if (++taken === 1_234) break;
    }
    const kept = first.cursor;
    const second = reader.subscribe("a", {
      ...options,
      ...(kept !== undefined && { cursor: kept }),
    });
    for await (const { offset } of second) {
      expect(offset).toBe(taken);
      if (++taken === 4_000) break;
    }
  });

  test("a filter is applied by the node; a deleted topic is told and ends it", async () => {
    await writer.topics.ensure("a", { partitions: 1 });
    await writer.append("a", [
      { key: "x", value: 1 },
      { key: "y", value: 2 },
      { key: "x", value: 3 },
    ]);
    const kinds: string[] = [];
    const subscription = reader.subscribe("a", {
      ...options,
      filter: { key: "x" },
      onEvent: ({ kind }) => kinds.push(kind),
    });
    const values: unknown[] = [];
    for await (const record of subscription) {
      values.push(record.value);
      if (values.length === 2) await writer.topics.delete("a");
    }
    expect(values).toEqual([1, 3]);
    expect(kinds).toEqual(["open", "ended", "closed"]);
  });

  test("what is wrong is told at once", async () => {
    const none = reader.subscribe("nothing", options)[Symbol.asyncIterator]();
    await expect(none.next()).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
    const bad = reader.subscribe("nothing", { ...options, cursor: "bad" })[Symbol.asyncIterator]();
    await expect(bad.next()).rejects.toMatchObject({ status: 400 });
  });

  test("a connection that says nothing is taken for dead, and another one is made", async () => {
    await writer.topics.ensure("a", { partitions: 1 });
    await writer.append("a", { value: 1 });
    const retries: string[] = [];
    const silent = reader.subscribe("a", {
      ...options,
      silenceMs: 300,
      onEvent: (event) => void (event.kind === "retry" && retries.push(event.error.code)),
    });
    const reading = silent[Symbol.asyncIterator]();
    expect((await reading.next()).value).toMatchObject({ value: 1 });
    const next = reading.next();
    proxy.stall();
    await expect.poll(() => retries.length, patience).toBeGreaterThan(0);
    await writer.append("a", { value: 2 });
    expect((await next).value).toMatchObject({ value: 2 });
    silent.close();
  });
});
