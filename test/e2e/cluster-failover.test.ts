import type { Producer } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../support/skips.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";
import { waitUntil } from "../support/wait-until.ts";

const topic = "orders";

describeWith(["etcd"], "a topic with three replicas on three nodes", () => {
  let cluster: XylemCluster;
  let producer: Producer;
  /** What was acknowledged, in the order of the answers. */
  const acknowledged: number[] = [];
  const acknowledgedAtMs: number[] = [];
  let isSending = true;
  let sending: Promise<void>;

  const headOf = async (at: number): Promise<number> => {
    const [partition] = await cluster.partitions(at, topic);
    return partition?.leader ?? -1;
  };
  const others = (id: number): number[] => cluster.ids.filter((one) => one !== id);

  async function sendAll(): Promise<void> {
    for (let value = 0; isSending; value += 1) {
      await producer.send({ topic, acks: -1, messages: [{ value: String(value) }] });
      acknowledged.push(value);
      acknowledgedAtMs.push(performance.now());
    }
  }

  beforeAll(async () => {
    cluster = await XylemCluster.start(3);
    const admin = cluster.kafka().admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic,
          numPartitions: 1,
          replicationFactor: 3,
          configEntries: [{ name: "min.insync.replicas", value: "2" }],
        },
      ],
    });
    await admin.disconnect();
    await cluster.whenWhole(topic, 3);
    producer = cluster.kafka().producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    sending = sendAll();
    await waitUntil("records are acknowledged", () => acknowledged.length >= 100);
  });

  afterAll(async () => {
    isSending = false;
    await producer.disconnect();
    await cluster.stop();
  });

  test("has a new head seconds after the head's death, twice", async () => {
    const gapsMs: number[] = [];
    for (let death = 0; death < 2; death += 1) {
      const head = await headOf(1);
      const [witness = 0] = others(head);
      const before = acknowledged.length;
      const killedMs = performance.now();
      await cluster.node(head).kill();
      await waitUntil("records are acknowledged again", () => acknowledged.length > before + 1);
      gapsMs.push(Math.round((acknowledgedAtMs[before + 1] ?? 0) - killedMs));
      expect(await headOf(witness)).not.toBe(head);
      await cluster.node(head).restart();
      await cluster.whenWhole(topic, 3);
    }
    console.log(`first acknowledgement after the head's death: ${gapsMs.join(", ")} ms`);
    expect(Math.max(...gapsMs)).toBeLessThan(5_000);
  });

  test("has everything that was acknowledged, once and in order, alike on all nodes", async () => {
    const before = acknowledged.length;
    await waitUntil("it goes on", () => acknowledged.length > before + 100);
    isSending = false;
    await sending;
    const read: number[] = [];
    const consumer = cluster.kafka().consumer({ groupId: "judges" });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => Promise.resolve(void read.push(Number(message.value))),
    });
    await waitUntil("all are read", () => read.at(-1) === acknowledged.at(-1), 30_000);
    await consumer.disconnect();
    expect(read).toEqual(acknowledged);
    await waitUntil("the logs are equal", () => {
      const [one, ...more] = cluster.ids.map((id) => cluster.logBytes(id, topic, 0));
      return more.every((bytes) => one?.equals(bytes));
    });
  });
});
