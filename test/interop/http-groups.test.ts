import kafkajs from "kafkajs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BrokerProcess } from "../support/broker-process.ts";
import { JavaTools } from "../support/java-tools.ts";
import { describeWith } from "../support/skips.ts";
import { xylem } from "../support/xylem-command.ts";
import { startXylem } from "../support/xylem-process.ts";

interface Fetched {
  readonly member: string;
  readonly joined: boolean;
  readonly assignment: readonly { topic: string; partitions: number[] }[];
  readonly records: readonly { partition: number; offset: number; value: unknown }[];
  readonly cursor: string;
}

let broker: BrokerProcess;
beforeEach(async () => {
  const settings = {
    "group.consumer.session.timeout.ms": "1500",
    "group.consumer.heartbeat.interval.ms": "300",
    "group.consumer.assignment.interval.ms": "50",
  };
  broker = await startXylem({ settings });
});
afterEach(() => broker.stop());

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`http://${broker.bootstrap}${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

const take = (member: string, more: object = {}): Promise<Fetched> =>
  call("POST", "/v1/groups/billing/fetch", { topics: ["orders"], member, ...more });
const acknowledge = (member: string, cursor: string): Promise<unknown> =>
  call("POST", "/v1/groups/billing/ack", { member, cursor });
const partitionsOf = ({ assignment }: Fetched): readonly number[] =>
  assignment.flatMap(({ partitions }) => partitions);

/** A member that lives as long as `work` goes on. */
async function whileAlive(member: string, work: () => Promise<void>): Promise<void> {
  const alive = setInterval(() => void take(member, { max: 1 }), 400);
  try {
    await work();
  } finally {
    clearInterval(alive);
  }
}

async function fill(partitions: number, count: number): Promise<void> {
  await call("PUT", "/v1/topics/orders", { partitions });
  for (let value = 0; value < count; value++) {
    await call("POST", `/v1/topics/orders/records?partition=${value % partitions}`, { value });
  }
}

/** Fetches by all members until they share as many partitions as there are. */
async function share(members: readonly string[], count: number): Promise<Map<string, Fetched>> {
  for (;;) {
    const fetched = new Map<string, Fetched>();
    for (const member of members) fetched.set(member, await take(member));
    const own = [...fetched.values()].map(partitionsOf);
    if (own.every(({ length }) => length > 0) && own.flat().length === count) return fetched;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("a group over plain HTTP calls", () => {
  test("what two members acknowledged outlives kill -9, and nothing else does", async () => {
    await fill(4, 40);
    const shared = await share(["one", "two"], 4);
    const one = shared.get("one") as Fetched;
    expect(one.records).toHaveLength(20);
    await acknowledge("one", one.cursor);
    await broker.kill();
    await broker.restart();
    const again = await share(["one", "two"], 4);
    expect(again.get("one")).toMatchObject({ joined: false, records: [] });
    expect(partitionsOf(again.get("one") as Fetched)).toEqual(partitionsOf(one));
    // Which partition comes first is left to chance.
    const [before, after] = [shared, again].map((some) => new Set(some.get("two")?.records));
    expect(after).toEqual(before);
  });

  test("a member that stops is replaced after its session, and comes too late", async () => {
    await fill(2, 10);
    const shared = await share(["one", "two"], 2);
    let left: Fetched;
    do left = await take("two", { wait: "200ms" });
    while (partitionsOf(left).length < 2);
    expect(left.records).toHaveLength(10);
    const late = acknowledge("one", (shared.get("one") as Fetched).cursor);
    await expect(late).rejects.toThrow("UNKNOWN_MEMBER_ID");
    await acknowledge("two", left.cursor);
    expect((await take("two")).records).toEqual([]);
  });

  test("Kafka's clients see its offsets and its members", async () => {
    await fill(2, 10);
    const { cursor } = await take("one", { max: 4 });
    await acknowledge("one", cursor);
    const kafka = new kafkajs.Kafka({ brokers: [broker.bootstrap], logLevel: 0 });
    const admin = kafka.admin();
    await admin.connect();
    const [seen] = await admin.fetchOffsets({ groupId: "billing", topics: ["orders"] });
    const sum = seen?.partitions.reduce((total, { offset }) => total + Number(offset), 0);
    expect(sum).toBe(4);
    expect((await admin.listGroups()).groups).toEqual([
      { groupId: "billing", protocolType: "consumer" },
    ]);
    const { groups } = await admin.describeGroups(["billing"]);
    expect(groups).toMatchObject([{ state: "Stable", members: [{ memberId: "one" }] }]);
    await admin.disconnect();
    await whileAlive("one", async () => {
      const described = await xylem(["group", "describe", "billing", "-b", broker.bootstrap]);
      expect(described.stdout).toMatch(/billing: stable, 1 members/i);
      expect(described.stdout).toMatch(/orders-0 orders-1/);
    });
    await call("POST", "/v1/groups/billing/leave", { member: "one" });
    const idle = JSON.parse(
      (await xylem(["group", "describe", "billing", "-b", broker.bootstrap, "--json"])).stdout,
    ) as { offsets: { lag: number }[] };
    expect(idle.offsets.reduce((total, { lag }) => total + lag, 0)).toBe(6);
  });

  test("a Kafka consumer goes on where the members have left", async () => {
    await fill(1, 10);
    const { cursor } = await take("one", { max: 7 });
    await acknowledge("one", cursor);
    await call("POST", "/v1/groups/billing/leave", { member: "one" });
    const kafka = new kafkajs.Kafka({ brokers: [broker.bootstrap], logLevel: 0 });
    const consumer = kafka.consumer({ groupId: "billing" });
    await consumer.connect();
    await consumer.subscribe({ topics: ["orders"], fromBeginning: true });
    const offsets: string[] = [];
    const got = new Promise<void>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message }) => {
          offsets.push(message.offset);
          if (offsets.length === 3) resolve();
          await Promise.resolve();
        },
      });
    });
    await got;
    await expect(take("two")).rejects.toThrow("INCONSISTENT_GROUP_PROTOCOL");
    await consumer.disconnect();
    expect(offsets).toEqual(["7", "8", "9"]);
    expect(await take("two")).toMatchObject({ joined: true, records: [] });
  });
});

describeWith(["java", "maven"], "Kafka's own tools", () => {
  test("list and describe a group of HTTP members", async () => {
    await fill(2, 10);
    const { cursor } = await take("one", { max: 4 });
    await acknowledge("one", cursor);
    const tools = await JavaTools.start();
    const ask = ["--bootstrap-server", broker.bootstrap];
    await whileAlive("one", async () => {
      const listed = await tools.output("kafka-consumer-groups", [...ask, "--list"]);
      expect(listed).toContain("billing");
      const group = ["--describe", "--group", "billing"];
      const described = await tools.output("kafka-consumer-groups", [...ask, ...group]);
      expect(described).toMatch(/billing\s+orders\s+0\s+\d+\s+5\s+\d+\s+one/);
    });
    await tools.close();
  });
});
