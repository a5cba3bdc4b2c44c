import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { usedBytes } from "../support/used-bytes.ts";

interface Answer {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly { offset: number; value: Buffer }[];
  readonly cursor: string;
  readonly ended: readonly { topic: string; error: { code: string } }[];
}

let folder: string;
let broker: Xylem;
let log: GrpcClient;

beforeEach(async () => {
  folder = makeTemporaryFolder("grpc-subscribe");
  await start();
});

afterEach(async () => {
  await stop();
  removeFolder(folder);
});

async function start(): Promise<void> {
  broker = await Xylem.start({ data: folder, settings: { "log.durability": "os" } });
  log = new GrpcClient(broker.bootstrap, "xylem.v1.LogService");
}

async function stop(): Promise<void> {
  log.close();
  await broker.close();
}

/** A live call: what came so far, and how it ended. */
class Reader {
  readonly seen: string[] = [];
  readonly answers: Answer[] = [];
  readonly ended: Promise<number>;
  readonly #stream: ReturnType<GrpcClient["stream"]>;

  constructor(request: object) {
    this.#stream = log.stream("subscribe", request);
    this.#stream.on("data", (answer) => {
      const one = answer as unknown as Answer;
      this.answers.push(one);
      for (const { offset } of one.records)
        this.seen.push(`${one.topic}-${one.partition}:${offset}`);
    });
    this.ended = new Promise((resolve) => {
      this.#stream.on("error", (error: Error & { code?: number }) => resolve(error.code ?? -1));
      this.#stream.on("end", () => resolve(0));
    });
  }

  get cursor(): string {
    return this.answers.at(-1)?.cursor ?? "";
  }

  cancel(): void {
    this.#stream.cancel();
  }
}

const patience = { timeout: 20_000 };
const quickly = { ...patience, interval: 2 };
function eventually<T>(read: () => T) {
  return expect.poll(read, patience);
}

const earliest = (topic: string) => ({ topic, position: { edge: "LOG_EDGE_EARLIEST" } });

test("stored records of several topics come first, then each new one", async () => {
  const [a, b] = [await broker.topic("a", { partitions: 2 }), await broker.topic("b")];
  await a.append([
    { value: "1", partition: 0 },
    { value: "2", partition: 1 },
  ]);
  await b.append({ value: "before" });
  const reader = new Reader({ subscriptions: [earliest("a"), { topic: "b" }] });
  await eventually(() => reader.seen.length).toBe(2);
  expect(new Set(reader.seen)).toEqual(new Set(["a-0:0", "a-1:0"]));
  await b.append({ value: "after" });
  await a.append({ value: "3", partition: 1 });
  await eventually(() => reader.seen.length).toBe(4);
  expect(new Set(reader.seen.slice(2))).toEqual(new Set(["b-0:1", "a-1:1"]));
  reader.cancel();
  expect(await reader.ended).toBe(status.CANCELLED);
});

test("the first answer comes at once and has the cursor of where it begins", async () => {
  const topic = await broker.topic("t");
  const first = new Reader({ subscriptions: [{ topic: "t" }] });
  await eventually(() => first.cursor).not.toBe("");
  first.cancel();
  await topic.append({ value: "in between" });
  const second = new Reader({ subscriptions: [{ topic: "t" }], cursor: first.cursor });
  await eventually(() => second.seen).toEqual(["t-0:0"]);
  second.cancel();
});

test("a reader that goes on by its cursor misses nothing and sees nothing twice", async () => {
  const topic = await broker.topic("t", { partitions: 3 });
  const writing = (async () => {
    for (let index = 0; index < 300; index += 1) {
      await topic.append({ value: String(index), partition: index % 3 });
    }
  })();
  const seen: string[] = [];
  let cursor = "";
  for (let turn = 0; seen.length < 300; turn += 1) {
    const reader = new Reader({ subscriptions: [earliest("t")], cursor, maxBytes: 40 });
    await expect.poll(() => reader.seen.length, quickly).toBeGreaterThan(turn % 7);
    reader.cancel();
    await reader.ended;
    // What came after the last whole answer is asked for again.
    seen.push(...reader.seen);
    cursor = reader.cursor;
    if (turn === 3) await writing;
    if (turn !== 5) continue;
    await stop();
    await start();
  }
  await writing;
  expect(seen.toSorted()).toEqual([...new Set(seen)].toSorted());
  expect(seen).toHaveLength(300);
  for (const partition of [0, 1, 2]) {
    const own = seen.filter((place) => place.startsWith(`t-${partition}:`));
    expect(own).toEqual(own.map((_, offset) => `t-${partition}:${offset}`));
  }
});

test("a filter is applied in the broker", async () => {
  const topic = await broker.topic("t");
  await topic.append([
    { key: "a", value: "1" },
    { key: "b", value: "2" },
    { key: "a", value: "3" },
  ]);
  const filter = { key: Buffer.from("a") };
  const reader = new Reader({ subscriptions: [earliest("t")], filter });
  await eventually(() => reader.seen).toEqual(["t-0:0", "t-0:2"]);
  reader.cancel();
});

test("a deleted topic is told and the others go on", async () => {
  const [, kept] = [await broker.topic("gone"), await broker.topic("kept")];
  const reader = new Reader({ subscriptions: [{ topic: "gone" }, { topic: "kept" }] });
  await eventually(() => reader.answers.length).toBe(1);
  await broker.deleteTopic("gone");
  await eventually(() => reader.answers.at(-1)?.ended).toMatchObject([
    { topic: "gone", error: { code: "UNKNOWN_TOPIC_OR_PARTITION" } },
  ]);
  await kept.append({ value: "still" });
  await eventually(() => reader.seen).toEqual(["kept-0:0"]);
  reader.cancel();
});

test.each([
  [{ subscriptions: [] }, status.INVALID_ARGUMENT],
  [{ subscriptions: [{ topic: "none" }] }, status.NOT_FOUND],
  [{ subscriptions: [{ topic: "t" }], cursor: "?" }, status.INVALID_ARGUMENT],
  [{ subscriptions: [{ topic: "t" }, { topic: "t" }] }, status.INVALID_ARGUMENT],
])("%j is refused", async (request, code) => {
  await broker.topic("t");
  expect(await new Reader(request).ended).toBe(code);
});

test("a node that stops ends live calls with UNAVAILABLE, and does not wait for them", async () => {
  await broker.topic("t");
  const reader = new Reader({ subscriptions: [{ topic: "t" }] });
  await eventually(() => reader.answers.length).toBe(1);
  const startedMs = performance.now();
  await broker.close();
  expect(await reader.ended).toBe(status.UNAVAILABLE);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test("readers that do not read hold one answer each, however much there is", async () => {
  const topic = await broker.topic("large");
  const value = Buffer.alloc(100_000, "x");
  for (let index = 0; index < 60; index += 1) await topic.append(Array(10).fill({ value }));
  const clients = Array.from(
    { length: 20 },
    () => new GrpcClient(broker.bootstrap, "xylem.v1.LogService"),
  );
  const before = usedBytes();
  const streams = clients.map((client) => {
    const request = { subscriptions: [earliest("large")], maxBytes: 1_000_000 };
    return client
      .stream("subscribe", request)
      .on("error", () => {})
      .pause();
  });
  let most = 0;
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    most = Math.max(most, usedBytes() - before);
  }
  // 1.2 GB are asked for. An answer of 1 MB is there several times, of 20 readers and the broker in
  // this one process: as records, as a message, encoded, in the windows of HTTP/2, and decoded.
  expect(most).toBeLessThan(300_000_000);
  let bytes = 0;
  streams[0]?.on("data", (answer) => {
    for (const record of (answer as unknown as Answer).records) bytes += record.value.length;
  });
  streams[0]?.resume();
  await eventually(() => bytes).toBe(60_000_000);
  for (const stream of streams) stream.cancel();
  for (const client of clients) client.close();
});
