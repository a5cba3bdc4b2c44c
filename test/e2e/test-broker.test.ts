import { Kafka, logLevel } from "kafkajs";
import { describe, expect, test } from "vitest";
import { TestBroker } from "../../src/harness/index.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";

async function valuesOf(broker: TestBroker, topic: string): Promise<string[]> {
  const values: string[] = [];
  for await (const record of (await broker.topic(topic)).read()) values.push(record.text());
  return values;
}

function kafkaOf(broker: TestBroker, clientId: string): Kafka {
  const retry = { initialRetryTime: 10, retries: 10 };
  return new Kafka({ clientId, brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry });
}

/** A kafkajs consumer that runs, and counts what it got. */
async function consume(broker: TestBroker, clientId: string) {
  const consumer = kafkaOf(broker, clientId).consumer({
    groupId: "billing",
    sessionTimeout: 30_000,
    heartbeatInterval: 3_000,
  });
  await consumer.connect();
  await consumer.subscribe({ topic: "orders", fromBeginning: true });
  const got: string[] = [];
  await consumer.run({
    eachMessage: async ({ message }) => void got.push(String(message.value)),
  });
  return { got, stop: () => consumer.disconnect() };
}

describe("time in the hands of a test", () => {
  test("31 virtual seconds expire a session of 30, and the member comes back", async () => {
    await using broker = await TestBroker.start();
    await (await broker.topic("orders")).append({ value: "1" });
    const consumer = await consume(broker, "worker");
    const members = ["worker"];
    await broker.trace.until({ kind: "group", group: "billing", generation: 1, members });
    await broker.trace.until({ kind: "commit", group: "billing", topic: "orders", offset: 1 });
    await broker.clock.advance("31s");
    expect(broker.trace.filter({ kind: "group", members: [] })).toHaveLength(1);
    // What it does not know yet: its next heartbeat, a real one, tells it.
    await broker.trace.until((one) => one.kind === "group" && one.generation > 2, {
      withinMs: 20_000,
    });
    await (await broker.topic("orders")).append({ value: "2" });
    await broker.trace.until({ kind: "commit", group: "billing", topic: "orders", offset: 2 });
    expect(consumer.got).toEqual(["1", "2"]);
    await consumer.stop();
  });

  test("idle connections are closed after virtual minutes", async () => {
    await using broker = await TestBroker.start({ time: "stands" });
    const client = await RawClient.open(broker.port);
    await client.createTopic("t");
    await broker.clock.advance("9m");
    expect((await client.describeTopic("t")).errorCode).toBe(0);
    await broker.clock.advance("11m");
    await expect(client.describeTopic("t")).rejects.toThrow("connection");
  });

  test("a connection that says nothing is closed after its virtual seconds", async () => {
    await using broker = await TestBroker.start({ time: "stands" });
    const client = await RawClient.open(broker.port);
    await broker.clock.advance("11s");
    await expect(client.describeTopic("t")).rejects.toThrow("connection");
  });

  test("time that stands keeps a client waiting, time that flows does not", async () => {
    await using broker = await TestBroker.start({ time: "flows" });
    const client = await RawClient.open(broker.port);
    await client.createTopic("t");
    const answer = await client.fetch(["t", 0], 0, { waitMs: 50 });
    expect(answer).toMatchObject({ errorCode: 0, records: new Uint8Array() });
    client.close();
  });

  test("equal seeds draw equal ids, other seeds others", async () => {
    const idsOf = async (seed: number) => {
      await using broker = await TestBroker.start({ seed });
      const client = await RawClient.open(broker.port);
      await broker.topic("t");
      const { topicId } = await client.describeTopic("t");
      client.close();
      return String(topicId);
    };
    const ids = [await idsOf(7), await idsOf(7), await idsOf(8)];
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toBe(ids[2]);
  });
});

describe("a broker of a test", () => {
  test("restarts in place: records, offsets and the port are as they were", async () => {
    const first = await TestBroker.start();
    await (await first.topic("orders")).append({ value: "1" });
    const consumer = await consume(first, "worker");
    await first.trace.until({ kind: "commit", topic: "orders", offset: 1 });
    await using second = await first.restart();
    expect([second.port, await valuesOf(second, "orders")]).toEqual([first.port, ["1"]]);
    await (await second.topic("orders")).append({ value: "2" });
    await second.trace.until({ kind: "commit", topic: "orders", offset: 2 });
    expect(consumer.got).toEqual(["1", "2"]);
    await consumer.stop();
  });

  test("is cloned with its records and its groups; each goes its own way", async () => {
    await using broker = await TestBroker.start();
    await (await broker.topic("orders", { partitions: 2 })).append({ value: "1", partition: 0 });
    const consumer = await consume(broker, "worker");
    await broker.trace.until({ kind: "commit", topic: "orders", offset: 1 });
    await consumer.stop();
    await using copy = await broker.clone();
    await (await copy.topic("orders")).append({ value: "2", partition: 0 });
    expect(await valuesOf(broker, "orders")).toEqual(["1"]);
    const other = await consume(copy, "other");
    await copy.trace.until({ kind: "commit", topic: "orders", offset: 2 });
    expect(other.got).toEqual(["2"]);
    await other.stop();
  });
});

describe("the trace", () => {
  test("tells requests by API and client, appends, commits and groups, in order", async () => {
    await using broker = await TestBroker.start({ time: "stands" });
    const client = await RawClient.open(broker.port);
    await client.createTopic("orders");
    broker.trace.clear();
    await client.produce(["orders", 0], batchOf(["a", "b"]));
    client.close();
    const places = ["orders-0"];
    expect(broker.trace.events).toMatchObject([
      { kind: "request", api: "Produce", places },
      { kind: "append", topic: "orders", partition: 0, firstOffset: 0, lastOffset: 1 },
      { kind: "answer", api: "Produce", errors: [] },
    ]);
    expect(broker.trace.toString()).toMatch(/^0\.000 request Produce \S+ orders-0\n0\.000 append/);
  });

  test("sees what comes through other doors as well", async () => {
    await using broker = await TestBroker.start();
    await (await broker.topic("orders")).append([{ value: "1" }, { value: "2" }]);
    await broker.trace.until({ kind: "append", topic: "orders", lastOffset: 1 });
  });

  test("that waits in vain says what did happen", async () => {
    await using broker = await TestBroker.start();
    await (await broker.topic("orders")).append({ value: "1" });
    const waiting = broker.trace.until({ kind: "commit", group: "g" }, { withinMs: 20 });
    await expect(waiting).rejects.toThrow('there was no {"kind":"commit","group":"g"}');
    await expect(waiting).rejects.toThrow("append orders-0 0..0");
  });

  test("looks back with `until`, and not with `next`", async () => {
    await using broker = await TestBroker.start();
    const topic = await broker.topic("orders");
    await topic.append({ value: "1" });
    expect((await broker.trace.until({ kind: "append" })).firstOffset).toBe(0);
    const next = broker.trace.next({ kind: "append" });
    await topic.append({ value: "2" });
    expect((await next).firstOffset).toBe(1);
  });
});
