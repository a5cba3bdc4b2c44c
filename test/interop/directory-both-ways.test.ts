import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PartitionLog } from "../../src/broker/partition/partition-log.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { type DirectoryPicture, pictureOf } from "../support/directory-picture.ts";
import { JavaTools } from "../support/java-tools.ts";
import { startKafka } from "../support/kafka-process.ts";
import { codecs, kcat } from "../support/kcat.ts";
import { KafkaDoor } from "../support/memory-broker.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { allCommitted, TransactionalProducer } from "../support/transactional-producer.ts";
import { waitUntil } from "../support/wait-until.ts";
import { xylem } from "../support/xylem-command.ts";
import { startXylem } from "../support/xylem-process.ts";

/** Compacted, with transactions. */
const ledgerTopic = "shared-keyed-ledger";
const plainNames = ["shared-codecs", "shared-payments", "shared-short"];
const names = [...plainNames, "shared-keyed", ledgerTopic];
/** Deleted by Kafka before the first stop, and after Xylem has been here. */
const [goneEarly, goneLate, cameLate] = ["shared-gone", "shared-leaving", "shared-coming"];
/** Made by Xylem: Kafka puts it aside. */
const ownTopic = "shared-own";
const kafkaSettings = {
  "log.cleaner.backoff.ms": "200",
  "log.retention.check.interval.ms": "500",
  "log.cleaner.min.cleanable.ratio": "0.01",
};

/** A directory that Kafka and Xylem use in turn; each test goes on where the one before ended. */
describeWith(["java", "maven", "kcat"], "one data directory for Kafka and Xylem", () => {
  const folder = makeTemporaryFolder("shared");
  let kafka: BrokerProcess;
  let tools: JavaTools;
  let seenByKafka: DirectoryPicture;
  let seenByXylem: DirectoryPicture;

  beforeAll(async () => {
    [kafka, tools] = await Promise.all([
      startKafka({ dataFolder: folder, settings: kafkaSettings }),
      JavaTools.start(),
    ]);
    await writeWithKafka(kafka, tools);
    seenByKafka = await pictureOf(kafka.port, names);
  });

  afterAll(async () => {
    await tools.close();
    await kafka.stop();
    removeFolder(folder);
  });

  test("what Kafka wrote is there in Xylem, killed or stopped: ids, configs, records", async () => {
    await kafka.kill();
    for (let round = 0; round < 2; round += 1) {
      const node = await startXylem({ dataFolder: folder });
      seenByXylem = await pictureOf(node.port, names);
      expect(settled(seenByXylem)).toEqual(settled(seenByKafka));
      await node.terminate();
    }
    const committed = seenByXylem.records["shared-payments read_committed"] ?? [];
    const all = seenByXylem.records["shared-payments read_uncommitted"] ?? [];
    expect(committed.length).toBeGreaterThan(20);
    expect(all.length).toBeGreaterThan(committed.length + 10);
    expect(seenByXylem.configs["shared-keyed"]).toContain("cleanup.policy=compact");
    expect(seenByXylem.topics).not.toHaveProperty(goneEarly);
  });

  test("what Xylem writes there Kafka's dump tool finds valid", async () => {
    const door = await KafkaDoor.open({ memory: false, data: folder });
    await writeWithXylem(door);
    seenByXylem = await pictureOf(door.port, names);
    await door.close();
    const verified = (await xylem(["verify", "--data", folder])).stdout.split("\n");
    expect(verified.filter((line) => line.startsWith("DAMAGE"))).toEqual([]);
    const data = ["--deep-iteration", "--files", filesUnder(folder, ".log").join(",")];
    const dump = await tools.output("kafka-dump-log", data);
    expect(dump).not.toMatch(/isvalid: false|mismatch|corrupt|Could not dump/i);
    expect(dump).toMatch(/endTxnMarker: ABORT/);
    for (const ending of [".index", ".timeindex"]) {
      const indexes = filesUnder(folder, ending).filter((path) => statSync(path).size > 0);
      const args = ["--files", indexes.join(",")];
      const sane = await tools.output("kafka-dump-log", ["--index-sanity-check", ...args]);
      expect(sane.match(/passed sanity check/g)).toHaveLength(indexes.length);
      const compared = await tools.output("kafka-dump-log", ["--verify-index-only", ...args]);
      expect(compared).not.toMatch(/mismatch|not found/i);
    }
    const state = [...filesUnder(folder, ".txnindex"), ...filesUnder(folder, ".snapshot")];
    expect(state.filter((path) => path.endsWith(".txnindex")).length).toBeGreaterThan(1);
    const told = await tools.output("kafka-dump-log", ["--files", state.join(",")]);
    expect(told).not.toMatch(/corrupt|exception/i);
    expect(told).toMatch(/lastStableOffset/);
  });

  test("a directory that Xylem wrote in opens in Kafka with equal topics and records", async () => {
    await kafka.restart();
    const again = await pictureOf(kafka.port, names);
    expect(settled(again)).toEqual(settled(seenByXylem));
    const aside = readdirSync(folder).filter((name) => /-(stray|delete)$/.test(name));
    expect(aside).toEqual([expect.stringMatching(/^shared-own-0\..*-stray$/)]);
  });

  test("what Kafka changes meanwhile is changed when Xylem comes back", async () => {
    const client = await RawClient.open(kafka.port);
    await client.createTopic(cameLate, { configs: { "segment.ms": "86400000" } });
    await client.produce([cameLate, 0], batchOf(["from Kafka"]));
    await client.produce(["shared-short", 0], batchOf(["Kafka again"]));
    await client.deleteTopic(goneLate);
    client.close();
    const bootstrap = ["--bootstrap-server", kafka.bootstrap];
    const entity = ["--entity-type", "topics", "--entity-name", "shared-codecs"];
    const change = ["--alter", ...entity, "--add-config", "retention.bytes=900000000"];
    await tools.output("kafka-configs", [...bootstrap, ...change]);
    await waitUntil("the folder is gone", () => !existsSync(join(folder, `${goneLate}-0`)));
    const all = [...names, cameLate];
    seenByKafka = await pictureOf(kafka.port, all);
    await kafka.terminate();
    const node = await startXylem({ dataFolder: folder });
    seenByXylem = await pictureOf(node.port, all);
    expect(settled(seenByXylem)).toEqual(settled(seenByKafka));
    expect(seenByXylem.topics).not.toHaveProperty(goneLate);
    const reader = await RawClient.open(node.port);
    const kept = await reader.readAll([ownTopic, 0]);
    expect(kept.map(({ value }) => textOf(value))).toEqual(["of Xylem"]);
    reader.close();
    await node.terminate();
  });
});

/** Compression, compaction, deleted records, transactions, a deleted topic, own configs. */
async function writeWithKafka(kafka: BrokerProcess, tools: JavaTools): Promise<void> {
  const client = await RawClient.open(kafka.port);
  const small = { "segment.bytes": "1048576", "index.interval.bytes": "1000" };
  const configs = { ...small, "retention.ms": "-1", "max.message.bytes": "2000000" };
  await client.createTopic("shared-codecs", { partitions: 2, configs });
  const lines = Array.from({ length: 3_000 }, (_, at) => `line ${at} ${"x".repeat(300)}`).join(
    "\n",
  );
  for (const codec of codecs) {
    const produce = ["-P", "-t", "shared-codecs", "-p", "0", "-z", codec];
    await kcat(kafka.bootstrap, produce, { input: `${lines}\n` });
  }
  await client.createTopic("shared-short", { configs: small });
  for (let at = 0; at < 120; at += 1) {
    await client.produce(["shared-short", 0], batchOf(["y".repeat(30_000)]));
  }
  await deleteRecords(client, "shared-short", 70);
  for (const name of [goneEarly, goneLate]) await client.createTopic(name);
  await client.produce([goneLate, 0], batchOf(["soon gone"]));
  await client.deleteTopic(goneEarly);
  await writeKeyed(client);
  await client.createTopic("shared-payments", { configs: small });
  await writeTransactions(kafka.bootstrap);
  client.close();
  const shown = ["--bootstrap-server", kafka.bootstrap, "--describe", "--topic", "shared-keyed"];
  expect(await tools.output("kafka-topics", shown)).toContain("cleanup.policy=compact");
}

async function deleteRecords(client: RawClient, name: string, offset: number): Promise<void> {
  const topics = [{ name, partitions: [{ partitionIndex: 0, offset }] }];
  const answer = await client.connection.request("DeleteRecords", 2, { topics, timeoutMs: 10_000 });
  expect(answer.topics[0]?.partitions[0]?.errorCode).toBe(0);
}

/** Twenty keys, written again and again, until the cleaner has been there. */
async function writeKeyed(client: RawClient): Promise<void> {
  const compacted = { "cleanup.policy": "compact", "segment.ms": "1000" };
  for (const name of ["shared-keyed", ledgerTopic]) {
    await client.createTopic(name, { configs: compacted });
  }
  const place = ["shared-keyed", 0] as const;
  const write = (round: number): Promise<unknown> => {
    const timestampMs = Date.now();
    const keys = Array.from({ length: 20 }, (_, key) => bytesOf(`key-${key}`));
    const value = bytesOf(`round ${round}`);
    return client.produce(place, batchOf(keys.map((key) => ({ key, value, timestampMs }))));
  };
  for (let round = 0; round < 10; round += 1) await write(round);
  let last = 10;
  await waitUntil("the cleaner has been there", async () => {
    await write(last);
    last += 1;
    await new Promise((resolve) => setTimeout(resolve, 600));
    const first = await client.fetch(place, 0);
    return (
      (first.records?.length ?? 0) > 0 && (await client.readAll(place)).length < last * 20 - 100
    );
  });
}

/** Every third transaction is aborted; the last one is left open. */
async function writeTransactions(bootstrap: string): Promise<void> {
  const { NOTHING: logLevel } = kafkajs.logLevel;
  const kafka = new kafkajs.Kafka({ clientId: "payer", brokers: [bootstrap], logLevel });
  const options = { transactionalId: "payer", idempotent: true, maxInFlightRequests: 1 };
  const producer = kafka.producer({ ...options, transactionTimeout: 600_000 });
  await producer.connect();
  for (let round = 0; round < 20; round += 1) {
    const transaction = await producer.transaction();
    for (const part of ["first", "second"]) {
      const messages = [{ key: `k${round}`, value: `${part} of ${round} ${"z".repeat(20_000)}` }];
      await transaction.send({ topic: "shared-payments", messages });
    }
    if (round === 19) return;
    if (round % 3 === 2) await transaction.abort();
    else await transaction.commit();
  }
}

/** Ends what Kafka left open, begins more, appends, deletes, rolls. */
async function writeWithXylem(door: KafkaDoor): Promise<void> {
  const { topics } = door.broker;
  const logOf = async (name: string): Promise<PartitionLog> => {
    const log = topics.find(name)?.partitions[0] as PartitionLog;
    await log.load();
    return log;
  };
  const client = await RawClient.open(door.port);
  await client.createTopic(ownTopic);
  await client.produce([ownTopic, 0], batchOf(["of Xylem"]));
  client.close();
  const payments = await logOf("shared-payments");
  const open = [...payments.producers()].filter((one) => one.currentTxnFirstOffset >= 0);
  expect(open).toHaveLength(1);
  for (const { producerId, epoch, coordinatorEpoch } of open) {
    const end = { type: "abort", producerId, producerEpoch: epoch, coordinatorEpoch } as const;
    payments.endTransaction({ ...end, transactionVersion: 1 });
  }
  const producers = [1, 2, 3].map((id) => new TransactionalProducer(2 ** 40 + id));
  for (let round = 0; round < 40; round += 1) {
    for (const [at, producer] of producers.entries()) {
      producer.send(payments, [`${at} in ${round} ${"w".repeat(15_000)}`]);
      if (round % 2 === 1) producer.end(payments, (round + at) % 4 < 2 ? "abort" : "commit");
    }
    await allCommitted(payments);
  }
  for (const codec of codecs) {
    const input = Array.from({ length: 500 }, (_, at) => `ours ${at} ${"v".repeat(200)}`).join(
      "\n",
    );
    const produce = ["-P", "-t", "shared-codecs", "-p", "1", "-z", codec];
    await kcat(`127.0.0.1:${door.port}`, produce, { input: `${input}\n` });
  }
  await (await logOf("shared-short")).deleteRecordsBefore(100);
  const keyed = await logOf("shared-keyed");
  for (let at = 0; at < 30; at += 1) {
    const [key, value] = [bytesOf(`key-${at}`), bytesOf(`ours ${at}`)];
    keyed.append(batchOf([{ key, value }]), { origin: "client" });
  }
  await allCommitted(keyed);
  await compact(keyed);
  const ledger = await logOf(ledgerTopic);
  await writeLedger(ledger);
  await compact(ledger);
}

/** Six keys, by two producers side by side; half of the transactions are aborted, one is open. */
async function writeLedger(ledger: PartitionLog): Promise<void> {
  const producers = [11, 12].map((id) => new TransactionalProducer(2 ** 40 + id));
  for (let round = 0; round < 60; round += 1) {
    for (const [at, producer] of producers.entries()) {
      producer.send(ledger, [`${at} in ${round}`], `key-${round % 6}`);
      if (round < 59) producer.end(ledger, (round + at) % 4 < 2 ? "abort" : "commit");
    }
    await allCommitted(ledger);
    if (round % 20 === 19) await ledger.applyRetention(Date.now() + 60_000);
  }
}

/** Rolls what is there, and lets the cleaner go over it. */
async function compact(log: PartitionLog): Promise<void> {
  await log.applyRetention(Date.now() + 60_000);
  const before = log.sizeBytes;
  expect(await log.compaction?.run()).toBeDefined();
  expect(log.sizeBytes).toBeLessThan(before);
}

/** What the cleaner, which may be at work at any time, leaves as it is; of topics both know. */
function settled(picture: DirectoryPicture): DirectoryPicture {
  const stays = Object.entries(picture.records).filter(
    ([name]) => name !== `${ledgerTopic} read_uncommitted`,
  );
  const records = stays.map(([name, lines]) => [
    name,
    name.startsWith("shared-keyed") ? newestByKey(lines) : lines,
  ]);
  const shared = (values: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith(ownTopic)));
  const [topics, offsets] = [shared(picture.topics), shared(picture.offsets)];
  return { ...picture, topics, offsets, records: Object.fromEntries(records) };
}

/** Lines are `partition offset time key value`. */
function newestByKey(lines: readonly string[]): string[] {
  const newest = new Map<string, { offset: number; line: string }>();
  for (const line of lines) {
    const [, offset = "", , key = ""] = line.split(" ");
    const known = newest.get(key);
    if (Number(offset) > (known?.offset ?? -1)) newest.set(key, { offset: Number(offset), line });
  }
  return [...newest.values()].map(({ line }) => line).toSorted();
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Files of all partitions but Kafka's own metadata. */
function filesUnder(folder: string, ending: string): string[] {
  const files = readdirSync(folder, { recursive: true }) as string[];
  const wanted = files.filter((name) => name.endsWith(ending) && /\/\d{20}\./.test(name));
  const own = wanted.filter((name) => !name.startsWith("__cluster_metadata"));
  return own.map((name) => join(folder, name)).toSorted();
}
