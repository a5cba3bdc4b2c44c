import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import { batchOf } from "../../../test/support/raw-client.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { produce, ProducedBatch } from "../produce.ts";
import { Fetch } from "./fetch.ts";
import { FetchSessions, type SessionRequest, type SessionTurn } from "./fetch-sessions.ts";
import { FetchTarget } from "./fetch-target.ts";

let memory: MemoryBroker;
let sessions: FetchSessions;
let slotsMax: number;

beforeEach(async () => {
  memory = await MemoryBroker.open();
  await memory.createTopic("orders", {}, 3);
  slotsMax = 2;
  sessions = newSessions();
});

afterEach(() => memory.close());

function newSessions(): FetchSessions {
  const { clock } = memory;
  return new FetchSessions({ clock, random: new SeededRandom(7), slotsMax: () => slotsMax });
}

function target(index: number, fetchOffset = 0): FetchTarget {
  const reference = { name: "orders", id: undefined };
  const wish = { fetchOffset, currentLeaderEpoch: -1, lastFetchedEpoch: -1, sizeBytesMax: 1e6 };
  return new FetchTarget(memory.broker.topics, reference, index, wish);
}

function request(parts: Partial<SessionRequest>): SessionRequest {
  const plain = { sessionId: 0, sessionEpoch: -1, usesTopicIds: false, targets: [], forgotten: [] };
  return { ...plain, ...parts };
}

async function fetchTurn(turn: SessionTurn): Promise<{ sessionId: number; indexes: number[] }> {
  const limits = { maxWaitMs: 0, minBytes: 0, maxBytes: 1e6, readCommitted: false };
  await new Fetch(memory.broker, limits, turn.targets).run();
  const { sessionId, targets } = turn.finish();
  for (const sent of targets) sent.dropRecords();
  return { sessionId, indexes: targets.map(({ index }) => index) };
}

const run = (parts: Partial<SessionRequest>) => fetchTurn(sessions.begin(request(parts)));

async function begin(...indexes: number[]): Promise<number> {
  const targets = indexes.map((index) => target(index));
  return (await run({ sessionEpoch: 0, targets })).sessionId;
}

async function append(index: number): Promise<void> {
  const topic = memory.broker.topics.find("orders");
  const batch = new ProducedBatch(topic, index, batchOf([{ timestampMs: memory.clock.nowMs() }]));
  const options = { acks: -1, timeoutMs: 1_000, clientId: "", transactionalId: null };
  await produce(memory.broker, { ...options, batches: [batch] });
}

test("a reader that wants no session gets everything and session 0", async () => {
  expect(await run({ targets: [target(0), target(1)] })).toEqual({ sessionId: 0, indexes: [0, 1] });
  expect(sessions.count).toBe(0);
});

test("within a session only partitions with news are answered", async () => {
  const sessionId = await begin(0, 1, 2);
  expect(sessionId).toBeGreaterThan(0);
  expect(await run({ sessionId, sessionEpoch: 1 })).toEqual({ sessionId, indexes: [] });
  await append(1);
  expect(await run({ sessionId, sessionEpoch: 2 })).toEqual({ sessionId, indexes: [1] });
  const read = await run({ sessionId, sessionEpoch: 3, targets: [target(1, 1)] });
  expect(read).toEqual({ sessionId, indexes: [] });
});

test("partitions that were answered go behind those that were not", async () => {
  const sessionId = await begin(0, 1);
  await append(0);
  expect((await run({ sessionId, sessionEpoch: 1 })).indexes).toEqual([0]);
  await append(1);
  expect((await run({ sessionId, sessionEpoch: 2 })).indexes).toEqual([1, 0]);
});

test("partitions join and leave a session, and the last one ends it", async () => {
  const sessionId = await begin(0);
  await append(1);
  const joined = await run({ sessionId, sessionEpoch: 1, targets: [target(1)] });
  expect(joined.indexes).toEqual([1]);
  const topic = { name: "orders", id: undefined };
  const forgotten = [0, 1].map((index) => ({ topic, index }));
  expect(await run({ sessionId, sessionEpoch: 2, forgotten })).toEqual({
    sessionId: 0,
    indexes: [],
  });
  expect(sessions.count).toBe(0);
});

test("an error is told with every answer until it is gone", async () => {
  const sessionId = await begin(9);
  expect((await run({ sessionId, sessionEpoch: 1 })).indexes).toEqual([9]);
  expect((await run({ sessionId, sessionEpoch: 2 })).indexes).toEqual([9]);
});

test("an unknown session, a wrong epoch and a change to topic ids are refused", async () => {
  const going = (parts: Partial<SessionRequest>) => () => sessions.begin(request(parts));
  expect(going({ sessionId: 5, sessionEpoch: 1 })).toThrow("no fetch session 5");
  const sessionId = await begin(0);
  expect(going({ sessionId, sessionEpoch: 2 })).toThrow("expected 1");
  expect(going({ sessionId, sessionEpoch: 1, usesTopicIds: true })).toThrow(
    "names topics otherwise",
  );
  const turn = sessions.begin(request({ sessionId, sessionEpoch: 1 }));
  expect(going({ sessionId, sessionEpoch: 2 })).toThrow("expected 2");
  turn.release();
  expect((await run({ sessionId, sessionEpoch: 2 })).sessionId).toBe(sessionId);
});

test("a reader may end its session or begin it anew", async () => {
  const sessionId = await begin(0);
  const anew = await run({ sessionId, sessionEpoch: 0, targets: [target(0)] });
  expect(anew.sessionId).not.toBe(sessionId);
  expect(sessions.count).toBe(1);
  expect((await run({ sessionId: anew.sessionId, targets: [target(0)] })).sessionId).toBe(0);
  expect(sessions.count).toBe(0);
});

test("full slots decline a session until another was unused for two minutes", async () => {
  const first = await begin(0);
  const second = await begin(0);
  expect(await begin(1)).toBe(0);
  await memory.clock.advance(119_000);
  await run({ sessionId: first, sessionEpoch: 1 });
  await memory.clock.advance(2_000);
  expect(await begin(1)).toBeGreaterThan(0);
  expect(sessions.count).toBe(2);
  expect(() => sessions.begin(request({ sessionId: second, sessionEpoch: 1 }))).toThrow(
    "no fetch session",
  );
});

test("no slots decline every session", async () => {
  slotsMax = 0;
  expect(await begin(0)).toBe(0);
});
