import { Kafka, logLevel, type Producer } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BrokerProcess } from "../support/broker-process.ts";
import { Child } from "../support/child-process.ts";
import { startKafka } from "../support/kafka-process.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { xylem, xylemProgram } from "../support/xylem-command.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";

describeWith(["java", "maven", "etcd"], "Apache Kafka, mirrored into three nodes", () => {
  let source: BrokerProcess;
  let cluster: XylemCluster;
  let from: Kafka;

  beforeAll(async () => {
    const settings = { "cluster.lease.ms": "10000", "default.replication.factor": "3" };
    [source, cluster] = await Promise.all([startKafka(), XylemCluster.start(3, settings)]);
    from = new Kafka({ brokers: [source.bootstrap], logLevel: logLevel.NOTHING });
    const admin = from.admin();
    await admin.connect();
    const configEntries = [
      { name: "retention.ms", value: "7200000" },
      { name: "min.insync.replicas", value: "1" },
    ];
    const topics = [
      { topic: "orders", numPartitions: 3, configEntries },
      { topic: "moves", numPartitions: 1 },
    ];
    await admin.createTopics({ topics, waitForLeaders: true });
    await admin.disconnect();
  });

  afterAll(async () => {
    await Promise.all([source.stop(), cluster.stop()]);
  });

  async function mirror(): Promise<Record<string, unknown>> {
    const ends = ["--from", source.bootstrap, "--to", cluster.node(2).bootstrap];
    const run = await xylem([
      "mirror",
      ...ends,
      "--all",
      "--groups",
      "--until-caught-up",
      "--json",
    ]);
    expect([run.code, run.stderr.replace(/^topic .*\n/gm, "")]).toEqual([0, ""]);
    return JSON.parse(run.stdout) as Record<string, unknown>;
  }

  test("records, transactions, configs and groups are as they were", async () => {
    await withProducer({ idempotent: true }, async (producer) => {
      for (let at = 0; at < 30; at += 1) {
        const headers = { number: String(at) };
        const messages = [{ key: `key ${at}`, value: `order ${at}`, headers }];
        await producer.send({ topic: "orders", messages });
      }
    });
    await withProducer({ idempotent: true, transactionalId: "mover" }, async (producer) => {
      for (let at = 0; at < 10; at += 1) {
        const transaction = await producer.transaction();
        await transaction.send({ topic: "moves", messages: [{ value: `move ${at}` }] });
        if (at % 3 === 1) await transaction.abort();
        else await transaction.commit();
      }
    });
    const consumed = await read(from, "moves", { group: "movers", count: 4 });
    expect(await mirror()).toMatchObject({ topics: 2, partitions: 4, groups: 1, stalls: [] });
    const to = cluster.kafka();
    for (const [topic, count] of [
      ["orders", 30],
      ["moves", 7],
    ] as const) {
      const there = await read(to, topic, { group: `check-${topic}`, count });
      expect(there).toEqual(await read(from, topic, { group: `check-${topic}`, count }));
    }
    // The group goes on where it was, over the offsets that the markers used.
    const rest = await read(to, "moves", { group: "movers", count: 3 });
    const values = [...consumed, ...rest].map(({ value }) => value);
    expect(values).toEqual([0, 2, 3, 5, 6, 8, 9].map((at) => `move ${at}`));
    await cluster.whenWhole("orders", 3);
    const described = await xylem(["topic", "describe", "orders", "-b", cluster.node(1).bootstrap]);
    expect(described.stdout).toContain("retention.ms=7200000");
  });

  test("what comes later is copied by another run, and a producer takes the log over", async () => {
    await withProducer({}, async (producer) => {
      await producer.send({ topic: "moves", messages: [{ value: "late" }] });
    });
    expect(await mirror()).toMatchObject({ records: 1, stalls: [] });
    const producer = cluster.kafka().producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const [answer] = await producer.send({ topic: "moves", messages: [{ value: "moved in" }] });
    await producer.disconnect();
    expect(answer?.baseOffset).toBe("21");
    for (const id of cluster.ids) {
      await waitUntil(`node ${id} has all`, () =>
        cluster.logBytes(id, "moves", 0).equals(cluster.logBytes(1, "moves", 0)),
      );
    }
    // The records went over links, which each node's page tells of.
    const page = await (await fetch(`http://${cluster.node(2).bootstrap}/metrics`)).text();
    for (const other of [1, 3]) {
      expect(page).toMatch(new RegExp(`xylem_peer_sent_bytes_total{node="${other}"} [1-9]`));
      expect(page).toContain(`xylem_peer_linked{node="${other}"} 1`);
    }
  });

  test("a node of the target that is killed, and a second mirror, change nothing", async () => {
    const to = cluster.ids.map((id) => cluster.node(id).bootstrap).join(",");
    const args = ["mirror", "--from", source.bootstrap, "--to", to, "--topics", "orders"];
    const first = new Child(process.execPath, [xylemProgram, ...args, "--refresh", "500ms"]);
    const second = new Child(process.execPath, [xylemProgram, ...args, "--refresh", "500ms"]);
    await withProducer({}, async (producer) => {
      for (let at = 30; at < 90; at += 1) {
        await producer.send({
          topic: "orders",
          messages: [{ key: `${at}`, value: `order ${at}` }],
        });
        if (at === 60) await cluster.node(3).kill();
      }
    });
    const last = await xylem([...args, "--until-caught-up", "--json"]);
    expect([last.code, last.stdout]).toEqual([0, expect.stringContaining('"stalls":[]')]);
    expect(await Promise.all([first, second].map((one) => one.end("SIGTERM")))).toEqual([0, 0]);
    await cluster.node(3).restart();
    const group = { group: "check-after", count: 90 };
    expect(await read(cluster.kafka(), "orders", group)).toEqual(await read(from, "orders", group));
  });

  async function withProducer(
    options: Parameters<Kafka["producer"]>[0],
    use: (producer: Producer) => Promise<void>,
  ): Promise<void> {
    const producer = from.producer({ maxInFlightRequests: 1, ...options });
    await producer.connect();
    await use(producer);
    await producer.disconnect();
  }
});

interface Seen {
  readonly place: string;
  readonly value: string;
  readonly timestamp: string;
  readonly headers: string;
}

/** What a new member of a group reads, in the order of offsets; it commits each record. */
async function read(
  kafka: Kafka,
  topic: string,
  { group, count }: { readonly group: string; readonly count: number },
): Promise<Seen[]> {
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const seen: Seen[] = [];
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      if (seen.length >= count) return;
      const place = `${partition} ${message.offset.padStart(5)}`;
      const headers = JSON.stringify(message.headers);
      const { timestamp, value } = message;
      seen.push({ place, timestamp, value: value?.toString() ?? "", headers });
      const offset = String(Number(message.offset) + 1);
      await consumer.commitOffsets([{ topic, partition, offset }]);
    },
  });
  await waitUntil(`${count} records of ${topic} are read`, () => seen.length >= count);
  await consumer.disconnect();
  return seen.toSorted((one, other) => one.place.localeCompare(other.place));
}
