import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { XylemClient } from "../../src/client/index.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { xylem } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("embedded");
afterAll(() => removeFolder(folder));

async function collect<T>(records: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const record of records) all.push(record);
  return all;
}

describe("a broker in this process", () => {
  test("records of every kind of value come back as they went in", async () => {
    await using broker = await Xylem.start();
    const topic = await broker.topic("kinds", { partitions: 1 });
    const values = ["text", new Uint8Array([0, 255]), { total: 9 }, [1], null];
    const appended = await topic.append(values.map((value) => ({ key: "k", value })));
    expect(appended.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
    const records = await collect(topic.read());
    expect(records[0]?.text()).toBe("text");
    expect([...(records[1]?.value ?? [])]).toEqual([0, 255]);
    expect(records[2]?.json()).toEqual({ total: 9 });
    expect(records[4]?.value).toBeNull();
    expect(records.map((record) => record.keyText())).toEqual(["k", "k", "k", "k", "k"]);
  });

  test("headers, times and partitions are kept; a key always finds its partition", async () => {
    await using broker = await Xylem.start();
    const topic = await broker.topic("kept", { partitions: 3 });
    const first = await topic.append({ key: "a", value: "1", headers: { source: "test" } });
    const second = await topic.append({ key: "a", value: "2", timestamp: 1_700_000_000_000 });
    expect(second).toEqual({ topic: "kept", partition: first.partition, offset: 1 });
    const placed = await topic.append({ value: "3", partition: 2 });
    expect(placed.partition).toBe(2);
    const records = await collect(topic.read({ partition: first.partition, from: -2 }));
    const own = records.filter((record) => record.keyText() === "a");
    expect(own.map((record) => record.header("source"))).toContain("test");
    expect(own.at(-1)?.timestamp).toBe(1_700_000_000_000);
  });

  test("a topic is forked at an offset or a time", async () => {
    await using broker = await Xylem.start();
    const orders = await broker.topic("orders");
    const times = [1_000, 2_000, 3_000];
    for (const timestamp of times) await orders.append({ value: String(timestamp), timestamp });
    const early = await broker.fork("orders", "early", { time: new Date(3_000) });
    const first = await broker.fork("orders", "first", { offset: 1 });
    const all = await broker.fork("orders", "all");
    const read = async (topic: typeof orders) =>
      (await collect(topic.read())).map((record) => record.text());
    expect(await read(early)).toEqual(["1000", "2000"]);
    expect(await read(first)).toEqual(["1000"]);
    expect(await read(all)).toEqual(["1000", "2000", "3000"]);
  });

  test("every batch in use is checked on demand", async () => {
    await using broker = await Xylem.start();
    await (await broker.topic("orders")).append([{ value: "1" }, { value: "2" }]);
    const { findings, totals } = await broker.verify("orders");
    expect(findings).toEqual([]);
    expect(totals).toMatchObject({ partitions: 1, records: 2, damaged: 0 });
    await expect(broker.verify("none")).rejects.toThrow("no topic none");
    const given = { signal: AbortSignal.abort() };
    await expect(broker.verify(undefined, given)).rejects.toThrow("given up");
  });

  test("a live read sees what comes and ends with its signal", async () => {
    await using broker = await Xylem.start();
    const topic = await broker.topic("live");
    await topic.append({ value: "before" });
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const record of topic.read({ live: true, signal: stop.signal })) {
        seen.push(record.text());
        if (seen.length === 3) stop.abort();
      }
    })();
    const ended = reading.catch((error: unknown) => error);
    await topic.append([{ value: "one" }, { value: "two" }]);
    expect(await ended).toMatchObject({ name: "AbortError" });
    expect(seen).toEqual(["before", "one", "two"]);
  });

  test("closing ends live reads without an error, and twice is harmless", async () => {
    const broker = await Xylem.start();
    const topic = await broker.topic("closed");
    const reading = collect(topic.read({ live: true }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await Promise.all([broker.close(), broker.close()]);
    await broker.close();
    expect(await reading).toEqual([]);
    const socket = connect(broker.port, "127.0.0.1");
    const [error] = await new Promise<unknown[]>((resolve) => {
      socket.once("error", (reason) => resolve([reason]));
    });
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("a read that is to end by itself never takes a closing broker for the end", async () => {
    const broker = await Xylem.start();
    const topic = await broker.topic("cut", { partitions: 1 });
    for (let count = 0; count < 3; count += 1) await topic.append({ value: "x".repeat(900_000) });
    const reading = topic.read();
    await reading.next();
    await broker.close();
    await expect(collect(reading)).rejects.toMatchObject({ code: "BROKER_NOT_AVAILABLE" });
    await expect(collect(topic.read())).rejects.toMatchObject({ code: "BROKER_NOT_AVAILABLE" });
    const late = topic.append({ value: "late" });
    await expect(late).rejects.toMatchObject({ code: "BROKER_NOT_AVAILABLE" });
  });

  test("a partition that is always full does not keep the others waiting", async () => {
    await using broker = await Xylem.start();
    const topic = await broker.topic("turns", { partitions: 2 });
    for (let count = 0; count < 3; count += 1) {
      await topic.append({ value: "x".repeat(1_000_000), partition: 0 });
      await topic.append({ value: "x".repeat(1_000_000), partition: 1 });
    }
    const partitions: number[] = [];
    for await (const { partition } of topic.read({ live: true })) {
      if (partitions.push(partition) === 4) break;
    }
    expect(partitions).toEqual([0, 1, 0, 1]);
  });

  test("deleting a topic ends its live reads with an error", async () => {
    await using broker = await Xylem.start();
    const topic = await broker.topic("gone");
    const reading = collect(topic.read({ live: true }));
    const ended = reading.catch((error: unknown) => error);
    await broker.topic("other");
    await broker.deleteTopic("gone");
    expect(await ended).toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
  });

  test("several live side by side and share nothing", async () => {
    await using one = await Xylem.start();
    await using other = await Xylem.start();
    const topics = [await one.topic("t"), await other.topic("t")];
    await topics[0]?.append({ value: "only here" });
    expect(one.bootstrap).not.toBe(other.bootstrap);
    expect(await Promise.all(topics.map(async (t) => (await collect(t.read())).length))).toEqual([
      1, 0,
    ]);
  });

  test("on a directory records outlive a restart; a directory in use is refused", async () => {
    const data = join(folder, "kept");
    {
      await using broker = await Xylem.start({ data });
      await (await broker.topic("t", { partitions: 2 })).append({ value: "kept", partition: 1 });
      await expect(Xylem.start({ data })).rejects.toThrow(String(process.pid));
    }
    await using again = await Xylem.start({ data });
    expect(again.topics()).toEqual(["t"]);
    const [record] = await collect((await again.topic("t")).read());
    expect([record?.text(), record?.partition]).toEqual(["kept", 1]);
  });

  test("settings are checked, and bad ones are named", async () => {
    const bad = Xylem.start({ settings: { "num.partitions": -2 } });
    await expect(bad).rejects.toThrow("num.partitions");
    await using broker = await Xylem.start({ settings: { "num.partitions": 4 } });
    expect((await broker.topic("t")).partitionCount).toBe(4);
  });

  test("a directory and memory exclude each other, whichever way they are given", async () => {
    const code = "INVALID_CONFIG";
    const data = join(folder, "unused");
    await expect(Xylem.start({ data, memory: true })).rejects.toMatchObject({ code });
    await expect(Xylem.start({ data, settings: { memory: true } })).rejects.toMatchObject({ code });
    const lone = Xylem.start({ settings: { data }, memory: true });
    await expect(lone).rejects.toMatchObject({ code });
  });

  test.each([
    [null, "Xylem.start takes an object of options"],
    [{ memroy: true }, "Xylem.start: there is no option memroy; is it memory?"],
    [{ data: 5 }, "Xylem.start: the option data is a string"],
  ])("options that there are not are named: %j", async (options, message) => {
    const started = Xylem.start(options as object);
    await expect(started).rejects.toMatchObject({ code: "INVALID_CONFIG", message });
  });

  test("Kafka clients and this process see one log", async () => {
    await using broker = await Xylem.start();
    const produce = ["produce", "shared", "-q", "-b", broker.bootstrap];
    expect(await xylem(produce, { input: "from outside\n" })).toMatchObject({ code: 0 });
    const topic = await broker.topic("shared");
    expect((await collect(topic.read())).map((record) => record.text())).toEqual(["from outside"]);
    await topic.append({ value: "from inside" });
    const consumed = await xylem(["consume", "shared", "-b", broker.bootstrap]);
    expect(consumed.stdout).toBe("from outside\nfrom inside\n");
  });

  test("it answers HTTP on the same port", async () => {
    await using broker = await Xylem.start();
    const client = new XylemClient(broker.url);
    expect(await client.health()).toMatchObject({ status: "ok", nodeId: 1 });
    expect(await client.ready()).toBe(true);
    const metrics = await (await fetch(`${broker.url}/metrics`)).text();
    expect(metrics).toContain("xylem_topics 0");
    expect(metrics).toContain("xylem_kafka_answer_bytes 0");
    expect(metrics).toContain("xylem_event_loop_delay_seconds");
  });

  test("buckets and evictions are asked for in the process as well", async () => {
    await using broker = await Xylem.start();
    await broker.createBucket("acme", { "retention.records": 2, "segment.records": 1 });
    const topic = await broker.topic("acme.orders", { partitions: 1 });
    await topic.append(["a", "b", "c", "d"].map((value) => ({ value })));
    const [bucket] = broker.buckets();
    expect(bucket).toMatchObject({ name: "acme", topics: 1 });
    const report = await broker.evict({ bucket: "acme" });
    expect(report.partitions).toMatchObject([{ topic: "acme.orders", logStart: 2 }]);
    const records = await collect(topic.read());
    expect(records.map((record) => record.text())).toEqual(["c", "d"]);
    const changed = await broker.configureBucket("acme", { "retention.records": null });
    expect(changed.configs).toEqual({ "segment.records": "1" });
    expect((await broker.evict()).partitions).toEqual([]);
    await expect(broker.evict({ topic: "none" })).rejects.toMatchObject({
      code: "UNKNOWN_TOPIC_OR_PARTITION",
    });
  });
});
