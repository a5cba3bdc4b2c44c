import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PartitionLog } from "../../src/broker/partition/partition-log.ts";
import { JavaTools } from "../support/java-tools.ts";
import { kcat } from "../support/kcat.ts";
import { batchOf } from "../support/log-directory.ts";
import { KafkaDoor } from "../support/memory-broker.ts";
import { RawClient } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import {
  allCommitted,
  summarize,
  TransactionalProducer,
} from "../support/transactional-producer.ts";
import { waitUntil } from "../support/wait-until.ts";

const topic = "transactions";
/** So that markers and data of one transaction lie in different segments. */
const configs = { "internal.segment.bytes": "4000", "index.interval.bytes": "500" };

let door: KafkaDoor;
let bootstrap: string;
let log: PartitionLog;
/** Of committed transactions and of none, below the open one. */
let committed: readonly string[];
let all: readonly string[];

beforeAll(async () => {
  door = await KafkaDoor.open();
  bootstrap = `127.0.0.1:${door.port}`;
  const asked = {
    name: topic,
    partitions: 1,
    replicas: -1,
    configs: new Map(Object.entries(configs)),
  };
  log = (await door.broker.topics.create(asked)).partitions[0] as PartitionLog;
  all = await writeTransactions(log);
  committed = (await summarize(log)).values;
});

afterAll(() => door.close());

/** Four producers side by side; one in three transactions is aborted, the last one stays open. */
async function writeTransactions(target: PartitionLog): Promise<string[]> {
  const producers = [1, 2, 3, 4].map((id) => new TransactionalProducer(id));
  const values: string[] = [];
  const send = (producer: TransactionalProducer | undefined, value: string): void => {
    values.push(value);
    if (producer !== undefined) producer.send(target, [value]);
    else target.append(batchOf([value]), { origin: "client" });
  };
  for (let round = 0; round < 60; round += 1) {
    const producer = producers[round % 4] as TransactionalProducer;
    const other = producers[(round + 1) % 4] as TransactionalProducer;
    send(producer, `first of ${round}`);
    send(other, `before ${round + 1}`);
    send(undefined, `plain ${round}`);
    send(producer, `second of ${round}`);
    producer.end(target, round % 3 === 1 ? "abort" : "commit");
    await allCommitted(target);
  }
  return values;
}

describe("a consumer of committed records", () => {
  test("gets a last stable offset, and the aborted transactions, from the wire", async () => {
    expect(committed.length).toBeGreaterThan(60);
    expect(committed.length).toBeLessThan(all.length);
    const client = await RawClient.open(door.port);
    const told = await summarize(log);
    expect(log.lastStable).toBe(told.lastStable);
    expect(told.lastStable).toBeLessThan(log.committed);
    const latest = async (isolationLevel: number): Promise<unknown> => {
      const partitions = [{ partitionIndex: 0, timestamp: -1 }];
      const request = { replicaId: -1, isolationLevel, topics: [{ name: topic, partitions }] };
      const answer = await client.connection.request("ListOffsets", 7, request);
      return answer.topics[0]?.partitions[0]?.offset;
    };
    expect([await latest(1), await latest(0)]).toEqual([told.lastStable, log.committed]);
    const asked = { topics: [{ name: topic, partitionIndexes: [0] }] };
    const described = await client.connection.request("DescribeProducers", 0, asked);
    const producers = described.topics[0]?.partitions[0]?.activeProducers ?? [];
    const open = producers.filter(({ currentTxnStartOffset }) => currentTxnStartOffset >= 0);
    expect(producers.map(({ coordinatorEpoch }) => coordinatorEpoch)).toEqual([0, 0, 0, 0]);
    expect(open.map(({ currentTxnStartOffset }) => currentTxnStartOffset)).toEqual([
      told.lastStable,
    ]);
    client.close();
  });

  test("with kafkajs reads exactly what was committed", async () => {
    expect(await readWithKafkajs(false, committed.length)).toEqual(committed);
    expect(await readWithKafkajs(true, all.length)).toEqual(all);
  });
});

describeWith(["kcat"], "kcat", () => {
  test("reads exactly what was committed, or everything", async () => {
    const read = async (level: string): Promise<string[]> => {
      const isolation = ["-X", `isolation.level=${level}`];
      const outcome = await kcat(bootstrap, ["-C", "-t", topic, "-e", "-q", ...isolation]);
      return outcome.stdout.trimEnd().split("\n");
    };
    expect(await read("read_committed")).toEqual(committed);
    expect(await read("read_uncommitted")).toEqual(all);
  });
});

describeWith(["java", "maven"], "Kafka's console consumer", () => {
  test("reads exactly what was committed, or everything", async () => {
    const tools = await JavaTools.start();
    try {
      const read = async (level: string, count: number): Promise<string[]> => {
        const place = ["--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning"];
        const bounds = ["--max-messages", String(count), "--timeout-ms", "20000"];
        const args = [...place, ...bounds, "--isolation-level", level];
        return (await tools.output("kafka-console-consumer", args)).trimEnd().split("\n");
      };
      expect(await read("read_committed", committed.length)).toEqual(committed);
      expect(await read("read_uncommitted", all.length)).toEqual(all);
    } finally {
      await tools.close();
    }
  });
});

async function readWithKafkajs(readUncommitted: boolean, count: number): Promise<string[]> {
  const { NOTHING: logLevel } = kafkajs.logLevel;
  const kafka = new kafkajs.Kafka({ clientId: "reader", brokers: [bootstrap], logLevel });
  const consumer = kafka.consumer({ groupId: `reader-${readUncommitted}`, readUncommitted });
  const values: string[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => {
      values.push(message.value?.toString() ?? "");
    };
    await consumer.run({ eachMessage });
    await waitUntil("all records came", () => values.length >= count);
  } finally {
    await consumer.disconnect();
  }
  return values;
}
