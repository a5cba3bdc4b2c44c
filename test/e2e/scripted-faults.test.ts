import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import { TestBroker } from "../../src/harness/index.ts";
import { batchOf, RawClient, recordsOf, textOf } from "../support/raw-client.ts";

let broker: TestBroker;
let client: RawClient;

beforeEach(async () => {
  broker = await TestBroker.start({ time: "stands" });
  await broker.topic("orders", { partitions: 3 });
  client = await RawClient.open(broker.port);
});

afterEach(async () => {
  client.close();
  await broker.close();
});

const notLeader = kafkaCode("NOT_LEADER_OR_FOLLOWER");

async function valuesOf(partition: number): Promise<string[]> {
  const topic = await broker.topic("orders");
  const values: string[] = [];
  for await (const record of topic.read({ partition })) values.push(record.text());
  return values;
}

describe("a scripted fault", () => {
  test("strikes the third Produce to one partition, and no other", async () => {
    const where = { topic: "orders", partition: 2, nth: 3 };
    const fault = broker.faults.on("Produce", where, "NOT_LEADER_OR_FOLLOWER");
    const codes: number[] = [];
    for (const [partition, value] of [...Array(4).keys()].flatMap((n) => [
      [2, n],
      [0, n],
    ])) {
      const at = ["orders", partition ?? 0] as const;
      codes.push((await client.produce(at, batchOf([String(value)]))).errorCode);
    }
    expect(codes).toEqual([0, 0, 0, 0, notLeader, 0, 0, 0]);
    expect([await valuesOf(2), fault.count]).toEqual([["0", "1", "3"], 1]);
  });

  test("leaves the other partitions of the same request alone", async () => {
    broker.faults.on("Produce", { topic: "orders", partition: 1 }, "NOT_LEADER_OR_FOLLOWER");
    const partitionData = [0, 1, 2].map((index) => ({ index, records: batchOf([`p${index}`]) }));
    const { responses } = await client.connection.request("Produce", 11, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1_000,
      topicData: [{ name: "orders", partitionData }],
    });
    const answers = responses.flatMap((topic) => topic.partitionResponses);
    const byIndex = answers.toSorted((one, other) => one.index - other.index);
    expect(byIndex.map(({ errorCode }) => errorCode)).toEqual([0, notLeader, 0]);
    expect(await Promise.all([0, 1, 2].map(valuesOf))).toEqual([["p0"], [], ["p2"]]);
  });

  test("that loses an answer leaves the records, and the retry is known for one", async () => {
    broker.faults.on("Produce", { topic: "orders", nth: 1 }, "lose-answer");
    const producer = await client.initProducerId();
    const sent = (): Uint8Array => batchOf(["paid"], { ...producer, baseSequence: 0 });
    await expect(client.produce(["orders", 0], sent())).rejects.toThrow("connection");
    const retry = await RawClient.open(broker.port);
    expect(await retry.produce(["orders", 0], sent())).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    });
    retry.close();
    expect(await valuesOf(0)).toEqual(["paid"]);
    expect(broker.trace.count({ kind: "append", isDuplicate: true })).toBe(1);
  });

  test("that disconnects leaves nothing", async () => {
    broker.faults.on("Produce", { nth: 1 }, "disconnect");
    await expect(client.produce(["orders", 0], batchOf(["gone"]))).rejects.toThrow("connection");
    expect(await valuesOf(0)).toEqual([]);
    expect(broker.trace.count({ kind: "answer", api: "Produce" })).toBe(0);
  });

  test("may answer an error although all was done", async () => {
    const effect = { error: "REQUEST_TIMED_OUT", served: true } as const;
    broker.faults.on("Produce", { topic: "orders", nth: 1 }, effect);
    const answer = await client.produce(["orders", 0], batchOf(["there"]));
    expect(answer.errorCode).toBe(kafkaCode("REQUEST_TIMED_OUT"));
    expect(await valuesOf(0)).toEqual(["there"]);
  });

  test("that delays waits for the broker's clock, and keeps the order of appends", async () => {
    broker.faults.on("Produce", { nth: 1 }, { delay: "10s" });
    const [late, next] = ["late", "next"].map((value) =>
      client.produce(["orders", 0], batchOf([value])),
    );
    await broker.trace.until({ kind: "fault", effect: "delay" });
    await broker.clock.advance("9s");
    expect(broker.trace.count({ kind: "append" })).toBe(0);
    await broker.clock.advance("1s");
    await Promise.all([late, next]);
    expect(await valuesOf(0)).toEqual(["late", "next"]);
  });

  test("that is removed lets go of what it held back", async () => {
    const fault = broker.faults.on("Produce", {}, { delay: "1h" });
    const waiting = client.produce(["orders", 0], batchOf(["kept"]));
    await broker.trace.until({ kind: "fault" });
    fault.remove();
    expect((await waiting).errorCode).toBe(0);
  });

  test("of a fetch counts only those that bring records of the partition", async () => {
    broker.faults.on("Fetch", { topic: "orders", partition: 0, nth: 2 }, "CORRUPT_MESSAGE");
    const fetch = () => client.fetch(["orders", 0], 0);
    expect((await fetch()).errorCode).toBe(0);
    await client.produce(["orders", 0], batchOf(["a"]));
    const [first, second, third] = [await fetch(), await fetch(), await fetch()];
    expect(recordsOf(first.records).map(({ value }) => textOf(value))).toEqual(["a"]);
    expect(second).toMatchObject({ errorCode: kafkaCode("CORRUPT_MESSAGE"), records: null });
    expect(third.errorCode).toBe(0);
  });

  test("of Metadata hides a topic while the others are told", async () => {
    await broker.topic("others");
    broker.faults.on("Metadata", { topic: "orders" }, "LEADER_NOT_AVAILABLE");
    const code = kafkaCode("LEADER_NOT_AVAILABLE");
    expect(await client.describeTopic("orders")).toMatchObject({ errorCode: code, partitions: [] });
    expect((await client.describeTopic("others")).errorCode).toBe(0);
  });

  test("strikes a whole request where no topic is named", async () => {
    broker.faults.on("InitProducerId", { times: 1 }, "COORDINATOR_NOT_AVAILABLE");
    await expect(client.initProducerId()).rejects.toThrow("error 15");
    expect((await client.initProducerId()).producerEpoch).toBe(0);
  });

  test("holds for one client or one group only, when it says so", async () => {
    broker.faults.on("Heartbeat", { group: "billing" }, "REBALANCE_IN_PROGRESS");
    const beat = async (groupId: string) =>
      (await client.connection.request("Heartbeat", 4, heartbeatOf(groupId))).errorCode;
    expect(await beat("billing")).toBe(kafkaCode("REBALANCE_IN_PROGRESS"));
    expect(await beat("shipping")).toBe(kafkaCode("UNKNOWN_MEMBER_ID"));
  });

  test("finds the group of a request wherever its version puts it", async () => {
    broker.faults.on("OffsetFetch", { group: "billing" }, "NOT_COORDINATOR");
    const ask = async (groupId: string) => {
      const groups = [{ groupId, memberEpoch: -1, topics: [] }];
      const body = { groupId: "", topics: [], groups, requireStable: false };
      const answer = await client.connection.request("OffsetFetch", 9, body);
      return answer.groups.map(({ errorCode }) => errorCode);
    };
    expect(await ask("billing")).toEqual([kafkaCode("NOT_COORDINATOR")]);
    expect(await ask("shipping")).toEqual([0]);
    await broker.trace.until({
      kind: "answer",
      api: "OffsetFetch",
      group: "billing",
      errors: ["NOT_COORDINATOR"],
    });
  });

  test("that can not be is refused, by name", () => {
    const { faults } = broker;
    expect(() => faults.on("Prduce" as "Produce", {}, "disconnect")).toThrow("no API is named");
    expect(() => faults.on("Produce", {}, "OOPS" as "disconnect")).toThrow("no effect OOPS");
    expect(() => faults.on("Produce", {}, { delay: "soon" })).toThrow("no duration");
  });
});

const heartbeatOf = (groupId: string) => ({
  groupId,
  generationId: 1,
  memberId: "m",
  groupInstanceId: null,
});

describe("a scripted disk", () => {
  test("that is full refuses appends until it has room again", async () => {
    const topic = await broker.topic("orders");
    const full = broker.faults.onDisk("full");
    await expect(topic.append({ value: "x", partition: 0 })).rejects.toMatchObject({
      code: "DISK_FULL",
    });
    full.remove();
    await broker.clock.advance("1m");
    await topic.append({ value: "y", partition: 0 });
    expect(await valuesOf(0)).toEqual(["y"]);
  });

  test("that breaks for one topic stops that topic's partition alone", async () => {
    const other = await broker.topic("other");
    const orders = await broker.topic("orders");
    const broken = broker.faults.onDisk("broken", { topic: "orders" });
    const lost = orders.append({ value: "x", partition: 0 });
    await expect(lost).rejects.toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
    await other.append({ value: "kept" });
    expect(broken.count).toBeGreaterThan(0);
  });

  test("that is slow makes whoever waits for a flush wait", async () => {
    broker.faults.onDisk({ delay: "3s" }, { topic: "orders" });
    let isDone = false;
    const waiting = client.produce(["orders", 0], batchOf(["slow"])).then(() => (isDone = true));
    await broker.trace.until({ kind: "fault", at: "disk" });
    await broker.clock.advance("2s");
    expect(isDone).toBe(false);
    // One append may take more flushes than one.
    await broker.clock.advance("1m");
    await waiting;
  });
});
