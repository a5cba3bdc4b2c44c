import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tools } from "../../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../../test/support/memory-broker.ts";
import { XylemError } from "../../../base/errors.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { forkTopic } from "../../copies/fork-topic.ts";
import { keysFileName } from "../../../log/idempotency/key-table-file.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { partitionOfKey } from "../../../base/murmur2.ts";
import {
  type AppendOutcome,
  appendRecords,
  type AppendRecords,
  type NewRecord,
} from "../append-records.ts";
import { readPage } from "../read-page.ts";

const startMs = 1_767_225_600_000;
let disk: SimulatedDisk;
let memory: MemoryBroker;

beforeEach(async () => {
  disk = new SimulatedDisk({ nowMs: () => startMs });
  memory = await MemoryBroker.open({}, disk);
});

afterEach(() => memory.close());

/** The process ends in order, or dies, and another one begins with what it left. */
async function restart(how: "stop" | "kill" | "powerCut", settings = {}): Promise<void> {
  if (how === "stop") await memory.close();
  else disk = how === "kill" ? disk.afterKill() : disk.afterPowerCut(new SeededRandom(7));
  memory = await MemoryBroker.open(settings, disk);
}

const record = (value: string, more: Partial<NewRecord> = {}): NewRecord => ({
  key: null,
  value: encodeUtf8(value),
  headers: [],
  ...more,
});

type Ask = Partial<AppendRecords> & { readonly user?: string };

function append(key: string, records: readonly NewRecord[], more: Ask = {}) {
  const { user = "User:ANONYMOUS", ...ask } = more;
  const idempotency = { scope: user, key };
  const plain = { topic: "orders", acks: -1, timeoutMs: 5_000, clientId: "test" } as const;
  return appendRecords(memory.broker, tools, { ...plain, records, idempotency, ...ask });
}

async function values(partition = 0, topic = "orders"): Promise<string[]> {
  const wide = { position: "earliest", limit: 10_000, maxBytes: 10_000_000, waitMs: 0 } as const;
  const { records } = await readPage(memory.broker, tools, { topic, partition, ...wide });
  return records.map(({ value }) => decodeUtf8(value ?? new Uint8Array()));
}

const offsets = ({ records }: AppendOutcome): number[] => records.map(({ offset }) => offset);

describe("the same key again", () => {
  test("with the same records gets the first answer, and nothing is appended", async () => {
    await memory.createTopic("orders");
    await append("other", [record("before")]);
    const first = await append("k", [record("a"), record("b", { timestampMs: startMs - 5 })]);
    await memory.clock.advance(1_000);
    const again = await append("k", [record("a"), record("b", { timestampMs: startMs - 5 })]);
    expect(first.isDuplicate).toBe(false);
    expect(again).toEqual({ ...first, isDuplicate: true });
    expect(await values()).toEqual(["before", "a", "b"]);
  });

  test("with other records is refused, whatever differs", async () => {
    await memory.createTopic("orders");
    const headers = [{ key: "h", value: encodeUtf8("1") }];
    await append("k", [record("a", { headers })]);
    const others = [
      [record("b", { headers })],
      [record("a")],
      [record("a", { headers, key: encodeUtf8("x") })],
      [record("a", { headers, timestampMs: startMs })],
      [record("a", { headers, partition: 0 })],
      [record("a", { headers }), record("a", { headers })],
    ];
    for (const records of others) {
      await expect(append("k", records)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    }
    expect(await values()).toEqual(["a"]);
  });

  test("is refused while the first request is under way", async () => {
    await memory.createTopic("orders");
    const first = append("k", [record("a")]);
    const second = append("k", [record("a")]);
    await expect(second).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_IN_FLIGHT" });
    expect(offsets(await first)).toEqual([0]);
    expect((await append("k", [record("a")])).isDuplicate).toBe(true);
  });

  test("of another user, or for another topic, is another key", async () => {
    await memory.createTopic("orders");
    await memory.createTopic("other");
    await append("k", [record("a")]);
    const foreign = await append("k", [record("b")], { user: "User:eve" });
    const elsewhere = await append("k", [record("c")], { topic: "other" });
    expect([foreign.isDuplicate, elsewhere.isDuplicate]).toEqual([false, false]);
    expect(await values()).toEqual(["a", "b"]);
  });

  test("after its time, or after too many others, is a new one", async () => {
    await memory.close();
    const settings = {
      "idempotency.key.expiration.ms": 60_000,
      "idempotency.keys.max.per.partition": 2,
    };
    memory = await MemoryBroker.open(settings, disk);
    await memory.createTopic("orders");
    await append("old", [record("a")]);
    await memory.clock.advance(60_001);
    expect((await append("old", [record("a")])).isDuplicate).toBe(false);
    for (const key of ["b", "c"]) await append(key, [record(key)]);
    expect((await append("old", [record("a")])).isDuplicate).toBe(false);
    expect((await append("c", [record("c")])).isDuplicate).toBe(true);
  });

  test("does not ask for the offset that the first request expected", async () => {
    await memory.createTopic("orders");
    const first = await append("k", [record("a")], { expectedOffset: 0 });
    const again = await append("k", [record("a")], { expectedOffset: 0 });
    expect(again).toEqual({ ...first, isDuplicate: true });
  });

  test("is told the broker's time where the topic says so", async () => {
    await memory.createTopic("orders", { "message.timestamp.type": "LogAppendTime" });
    const ask = [record("a", { timestampMs: 5 })];
    const first = await append("k", ask);
    await memory.clock.advance(10);
    expect(await append("k", ask)).toEqual({ ...first, isDuplicate: true });
    await restart("kill");
    expect((await append("k", ask)).records).toEqual(first.records);
  });
});

describe("over several partitions", () => {
  test("what one partition refused the first time is made up, and nothing else", async () => {
    await memory.createTopic("orders", { "max.message.bytes": "400" }, 2);
    const ask = [record("small", { partition: 0 }), record("x".repeat(300), { partition: 1 })];
    const first = await append("k", ask);
    expect(first.records.map(({ error }) => error?.code)).toEqual([undefined, "MESSAGE_TOO_LARGE"]);
    const { topics } = memory.broker;
    await topics.configure("orders", () => new Map([["max.message.bytes", "1000"]]));
    const second = await append("k", ask);
    expect([second.error, second.isDuplicate, offsets(second)]).toEqual([undefined, false, [0, 0]]);
    expect(await values(0)).toEqual(["small"]);
    expect(await values(1)).toHaveLength(1);
    expect((await append("k", ask)).isDuplicate).toBe(true);
  });

  test("records without a key go again where they went, also after a restart", async () => {
    await memory.createTopic("orders", {}, 8);
    const first = await append("k", [record("a"), record("b")]);
    expect((await append("k", [record("a"), record("b")])).records).toEqual(first.records);
    await restart("kill");
    expect((await append("k", [record("a"), record("b")])).records).toEqual(first.records);
  });

  test("a key that another partition has seen with other records is refused", async () => {
    await memory.createTopic("orders", {}, 2);
    await append("k", [record("a", { partition: 0 })]);
    const other = append("k", [record("b", { partition: 1 })]);
    await expect(other).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
  });

  test("a topic that grew meanwhile does not take the records a second time", async () => {
    await memory.createTopic("orders", {}, 2);
    const keys = Array.from({ length: 50 }, (_, at) => encodeUtf8(`key ${at}`));
    const moved = keys.find((key) => partitionOfKey(key, 2) !== partitionOfKey(key, 3));
    const ask = [record("a", { key: moved ?? null })];
    await append("k", ask);
    await memory.broker.topics.addPartitions("orders", 3);
    await expect(append("k", ask)).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
  });
});

describe("what is remembered", () => {
  test.each(["stop", "kill", "powerCut"] as const)("outlives a %s of the process", async (how) => {
    await memory.createTopic("orders");
    const first = await append("k", [record("a"), record("b")]);
    await append("l", [record("c")]);
    await restart(how);
    const again = await append("k", [record("a"), record("b")]);
    expect(again.records).toEqual(first.records);
    expect(again.isDuplicate).toBe(true);
    const other = append("l", [record("d")]);
    await expect(other).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    expect(await values()).toEqual(["a", "b", "c"]);
  });

  test("outlives the records themselves, through the file of a stop in order", async () => {
    const topic = await memory.createTopic("orders");
    const first = await append("k", [record("a")]);
    await topic.partitions[0]?.deleteRecordsBefore(1);
    await restart("stop");
    expect((await append("k", [record("a")])).records).toEqual(first.records);
  });

  test("is read from the log when the file is damaged", async () => {
    await memory.createTopic("orders");
    await append("k", [record("a")]);
    await memory.close();
    const path = `orders-0/${keysFileName}`;
    const bytes = disk.peek(path);
    bytes[20] = 0xff;
    disk.poke(path, bytes);
    memory = await MemoryBroker.open({}, disk);
    expect((await append("k", [record("a")])).isDuplicate).toBe(true);
  });

  test("is not that of a topic of the same name before", async () => {
    await memory.createTopic("orders");
    await append("k", [record("a")]);
    await memory.broker.topics.delete("orders");
    await memory.createTopic("orders");
    expect((await append("k", [record("b")])).isDuplicate).toBe(false);
  });

  test("is not that of the topic that a fork was made of", async () => {
    await memory.createTopic("orders");
    await append("k", [record("a")]);
    const fork = { source: "orders", name: "copy", at: { kind: "latest" } } as const;
    await forkTopic(memory.broker.topics, fork);
    const other = await append("k", [record("a")], { topic: "copy" });
    expect([other.isDuplicate, offsets(other)]).toEqual([false, [1]]);
    expect((await append("k", [record("a")])).isDuplicate).toBe(true);
  });

  test("is not what a client writes into headers of his own", async () => {
    await memory.createTopic("orders");
    await append("k", [record("a")]);
    const wide = {
      topic: "orders",
      partition: 0,
      position: 0,
      limit: 1,
      maxBytes: 1_000,
      waitMs: 0,
    };
    const [stored] = (await readPage(memory.broker, tools, wide)).records;
    await memory.createTopic("copy");
    const copied = [record("x", { headers: stored?.headers ?? [] }), record("y")];
    await append("l", copied, { topic: "copy" });
    const [copy] = (await readPage(memory.broker, tools, { ...wide, topic: "copy" })).records;
    const keys = copy?.headers.filter(({ key }) => key === "xylem-idempotency-key");
    expect(keys?.map(({ value }) => decodeUtf8(value ?? new Uint8Array()))).toEqual(["l"]);
    await restart("kill");
    expect((await append("k", [record("b")], { topic: "copy" })).isDuplicate).toBe(false);
  });

  test("is taken back with the records that a full disk refused", async () => {
    await memory.createTopic("orders");
    await append("first", [record("a")]);
    disk.fault = (operation, path) => {
      if (operation === "append" && path.endsWith(".log"))
        throw new XylemError("DISK_FULL", "no space");
    };
    const refused = await append("k", [record("b")]);
    expect(refused.error?.code).toBe("DISK_FULL");
    disk.fault = () => undefined;
    const again = await append("k", [record("b")]);
    expect([again.isDuplicate, offsets(again)]).toEqual([false, [1]]);
    expect(await values()).toEqual(["a", "b"]);
  });

  test("stays right when memory is for few keys only", async () => {
    await memory.close();
    memory = await MemoryBroker.open({ "idempotency.keys.max": 5 }, disk);
    await memory.createTopic("orders", {}, 4);
    const ask = (at: number) => [record(`${at}`, { partition: at % 4 })];
    for (let at = 0; at < 40; at += 1) await append(`k${at}`, ask(at));
    for (let at = 0; at < 40; at += 1) {
      const again = await append(`k${at}`, ask(at));
      expect([again.isDuplicate, offsets(again)]).toEqual([true, [Math.floor(at / 4)]]);
    }
  });
});

test("a request whose time is over may be sent again, and waits for the commit", async () => {
  await memory.createTopic("orders");
  await append("first", [record("a")]);
  const gate = Promise.withResolvers<void>();
  disk.fault = (operation) => (operation === "sync" ? gate.promise : undefined);
  const late = append("k", [record("b")], { timeoutMs: 10 });
  for (let count = 0; count < 5; count += 1) await memory.clock.advance(10);
  expect((await late).error?.code).toBe("REQUEST_TIMED_OUT");
  const again = append("k", [record("b")]);
  await memory.clock.advance(10);
  gate.resolve();
  expect(await again).toMatchObject({ isDuplicate: true, isDurable: true });
  expect(await values()).toEqual(["a", "b"]);
});

test("without a key nothing is kept, read or written", async () => {
  await memory.createTopic("orders");
  const plain = { topic: "orders", acks: -1, timeoutMs: 1_000, clientId: "test" } as const;
  await appendRecords(memory.broker, tools, { ...plain, records: [record("a")] });
  await memory.close();
  expect(disk.paths().filter((path) => path.includes(keysFileName))).toEqual([]);
  memory = await MemoryBroker.open({}, disk);
});

test.each(["", "x".repeat(256)])("a key of another length is refused", async (key) => {
  await memory.createTopic("orders");
  const asked = append(key, [record("a")]);
  await expect(asked).rejects.toMatchObject({ code: "INVALID_REQUEST" });
});
