import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestBroker, VirtualClock } from "../../src/harness/index.ts";
import { Xylem } from "../../src/index.ts";
import { EventClient } from "../support/event-client.ts";
import { batchOf, RawClient, recordsOf } from "../support/raw-client.ts";

test("timestamps are the virtual clock's", async () => {
  const clock = new VirtualClock({ startMs: 1_000_000 });
  await using broker = await Xylem.start({ clock });
  const topic = await broker.topic("t");
  await clock.advance("1s");
  await topic.append({ value: "x" });
  for await (const record of topic.read()) expect(record.timestamp).toBe(1_001_000);
});

describe("where time stands, by the virtual clock alone", () => {
  let broker: TestBroker;
  let client: RawClient;

  beforeEach(async () => {
    const settings = { "offsets.retention.minutes": 120 };
    broker = await TestBroker.start({ time: "stands", settings });
    client = await RawClient.open(broker.port);
  });

  afterEach(async () => {
    client.close();
    await broker.close();
  });

  const request = (path: string, init?: RequestInit) => fetch(`${broker.url}${path}`, init);

  /** Whether something has ended by now. */
  async function isSettled(promise: Promise<unknown>): Promise<boolean> {
    const first = await Promise.race([promise.then(() => true), broker.clock.advance(0)]);
    return first === true;
  }

  test("records grow old and go", async () => {
    const configs = { "retention.ms": 86_400_000, "segment.ms": 3_600_000 };
    const topic = await broker.topic("aged", { partitions: 1, configs });
    await topic.append({ value: "old" });
    await broker.clock.advance("2h");
    await topic.append({ value: "young" });
    const texts = async (): Promise<string[]> => {
      const all: string[] = [];
      for await (const record of topic.read()) all.push(record.text());
      return all;
    };
    expect(await texts()).toEqual(["old", "young"]);
    await broker.clock.advance("23h");
    expect(await texts()).toEqual(["young"]);
  });

  test("a fetch waits for records, and ends with its wait", async () => {
    await client.createTopic("t");
    const waiting = client.fetch(["t", 0], 0, { waitMs: 30_000 });
    await broker.trace.until({ kind: "request", api: "Fetch" });
    await broker.clock.advance("29s");
    expect(await isSettled(waiting)).toBe(false);
    await broker.clock.advance("1s");
    expect(recordsOf((await waiting).records)).toEqual([]);
  });

  test("a long poll over HTTP waits likewise", async () => {
    await broker.topic("t");
    // The door is open; then nothing tells when a request over HTTP waits.
    await request("/healthz");
    const waiting = request("/v1/topics/t/partitions/0/records?offset=0&wait=20s");
    await new Promise((resolve) => setTimeout(resolve, 200));
    await broker.clock.advance("19s");
    expect(await isSettled(waiting)).toBe(false);
    await broker.clock.advance("1s");
    expect(await (await waiting).json()).toMatchObject({ records: [], nextOffset: 0 });
  });

  test("a live reader hears heartbeats", async () => {
    await broker.topic("t");
    const live = await EventClient.open(`${broker.url}/v1/records?topic=t`);
    const event = live.next().catch(() => undefined);
    await broker.clock.advance("5s");
    expect(live.commentCount).toBe(0);
    await broker.clock.advance("1m");
    await expect.poll(() => live.commentCount).toBeGreaterThan(0);
    live.close();
    await event;
  });

  test("an idempotency key is remembered for a day", async () => {
    const topic = await broker.topic("t");
    const append = () => topic.append({ value: "x" }, { idempotencyKey: "once" });
    expect((await append()).offset).toBe(0);
    await broker.clock.advance("23h");
    expect((await append()).offset).toBe(0);
    await broker.clock.advance("2h");
    expect((await append()).offset).toBe(1);
  });

  test("a group's offsets are forgotten when nobody is in it for long", async () => {
    await client.createTopic("t");
    await client.produce(["t", 0], batchOf(["a"]));
    const one = { partitionIndex: 0, committedOffset: 1, committedMetadata: null };
    const topics = [{ name: "t", partitions: [one] }];
    const commit = { groupId: "g", generationIdOrMemberEpoch: -1, memberId: "", topics };
    await client.connection.request("OffsetCommit", 8, commit);
    await broker.trace.until({ kind: "commit", group: "g", offset: 1 });
    await broker.clock.advance("110m");
    expect(broker.trace.count({ kind: "commit", offset: null })).toBe(0);
    await broker.clock.advance("30m");
    await broker.trace.until({ kind: "commit", group: "g", topic: "t", offset: null });
  });

  test("the same steps leave the same trace", async () => {
    const play = async (): Promise<string> => {
      await using own = await TestBroker.start({ time: "stands", seed: 3, startMs: 0 });
      const ownClient = await RawClient.open(own.port);
      await ownClient.createTopic("t");
      own.faults.on("Produce", { topic: "t", nth: 2 }, "NOT_LEADER_OR_FOLLOWER");
      for (const value of ["a", "b", "c"]) {
        await ownClient.produce(["t", 0], batchOf([value]));
        await own.clock.advance("250ms");
      }
      ownClient.close();
      return String(own.trace);
    };
    const trace = await play();
    expect(trace).toBe(await play());
    expect(trace).toContain("0.250 fault Produce NOT_LEADER_OR_FOLLOWER");
  });
});
