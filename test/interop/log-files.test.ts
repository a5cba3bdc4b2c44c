import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { batchFields, recordBatches } from "../../src/protocol/record-batch.ts";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { JavaTools } from "../support/java-tools.ts";
import { codecs, kcat } from "../support/kcat.ts";
import { startKafka } from "../support/kafka-process.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { startXylem } from "../support/xylem-process.ts";

const smallSegments = { "segment.bytes": "1048576", "index.interval.bytes": "2000" };
/** Both brokers get the same times, a clock's second apart. */
const firstTimestampMs = 1_700_000_000_000;

describeWith(["java", "maven"], "the files of a partition", () => {
  let tools: JavaTools;
  const folders = { judged: makeTemporaryFolder("files"), kafka: makeTemporaryFolder("files") };

  beforeAll(async () => {
    tools = await JavaTools.start();
    const judged = await startBroker({ dataFolder: folders.judged });
    const kafka = await startKafka({ dataFolder: folders.kafka });
    for (const broker of [judged, kafka]) {
      await writeSameInput(broker);
      await broker.terminate();
    }
    await kafka.stop();
  });

  afterAll(async () => {
    await tools.close();
    removeFolder(folders.judged);
    removeFolder(folders.kafka);
  });

  test("Kafka's dump tool finds every batch and record of every segment valid", async () => {
    const logs = filesUnder(folders.judged, ".log");
    expect(logs.length).toBeGreaterThan(codecs.length);
    const files = ["--files", logs.join(",")];
    const dump = await tools.output("kafka-dump-log", ["--deep-iteration", ...files]);
    expect(dump).not.toMatch(/isvalid: false|mismatch|non-consecutive|corrupt|Could not dump/i);
    expect(dump.match(/isvalid: true/g)?.length).toBeGreaterThan(100);
    expect(dump).toMatch(/compresscodec: zstd/);
  });

  test("Kafka's dump tool finds the indexes sane", async () => {
    for (const ending of [".index", ".timeindex"]) {
      const indexes = filesUnder(folders.judged, ending).filter((path) => statSync(path).size > 0);
      expect(indexes.length).toBeGreaterThan(3);
      const files = ["--files", indexes.join(",")];
      const dump = await tools.output("kafka-dump-log", ["--index-sanity-check", ...files]);
      expect(dump.match(/passed sanity check/g)).toHaveLength(indexes.length);
      const compared = await tools.output("kafka-dump-log", ["--verify-index-only", ...files]);
      expect(compared).not.toMatch(/mismatch|non-consecutive|not found/i);
    }
  });

  test("Kafka's dump tool reads the producer snapshots", async () => {
    const snapshots = filesUnder(folders.judged, ".snapshot");
    expect(snapshots.length).toBeGreaterThan(0);
    const dump = await tools.output("kafka-dump-log", ["--files", snapshots.join(",")]);
    expect(dump).not.toMatch(/corrupt|exception/i);
  });

  test("segments, indexes and their names are Kafka's own for the same input", () => {
    const partition = "files-same-0";
    const names = dataFilesOf(join(folders.kafka, partition));
    expect(names.length).toBeGreaterThan(9);
    expect(dataFilesOf(join(folders.judged, partition))).toEqual(names);
    for (const name of names.filter((each) => !each.endsWith(".snapshot"))) {
      const mine = contentOf(join(folders.judged, partition, name));
      const theirs = contentOf(join(folders.kafka, partition, name));
      expect(mine.equals(theirs), name).toBe(true);
    }
  });

  test("a data directory that Apache Kafka wrote opens, with its topics and records", async () => {
    const broker = await startXylem({ dataFolder: folders.kafka });
    const client = await RawClient.open(broker.port);
    const records = await client.readAll(["files-same", 0]);
    expect(records).toHaveLength(400);
    expect(textOf(records[399]?.key ?? null)).toBe("key 399");
    expect((await client.produce(["files-same", 0], batchOf(["more"]))).baseOffset).toBe(400);
    client.close();
    await broker.terminate();
  });
});

/** Several topics: compressed, keyed over many small segments, appended at the broker's time. */
async function writeSameInput(broker: BrokerProcess): Promise<void> {
  const client = await RawClient.open(broker.port);
  await client.createTopic("files-same", { configs: smallSegments });
  const producer = await client.initProducerId();
  for (let index = 0; index < 400; index += 1) {
    const timestampMs = firstTimestampMs + index * 1_000;
    const key = new TextEncoder().encode(`key ${index}`);
    const value = new Uint8Array(9_000 + (index % 7) * 100).fill(index % 256);
    const sequence = index % 2 === 0 ? {} : { ...producer, baseSequence: (index - 1) / 2 };
    const batch = batchOf([{ key, value, timestampMs }], { leaderEpoch: 0, ...sequence });
    await client.produce(["files-same", 0], batch);
  }
  const appended = { "message.timestamp.type": "LogAppendTime", ...smallSegments };
  await client.createTopic("files-append-time", { configs: appended });
  for (let index = 0; index < 150; index += 1) {
    await client.produce(["files-append-time", 0], batchOf([{ value: new Uint8Array(20_000) }]));
  }
  client.close();
  await writeWithCodecs(broker);
}

async function writeWithCodecs(broker: BrokerProcess): Promise<void> {
  const lines = Array.from({ length: 2_000 }, (_, index) => `line ${index} ${"x".repeat(50)}`);
  for (const codec of codecs) {
    const produce = ["-P", "-t", `files-${codec}`, "-z", codec];
    await kcat(broker.bootstrap, produce, { input: `${lines.join("\n")}\n` });
  }
}

/** Files of all partitions, those of Apache Kafka's own metadata left out. */
function filesUnder(folder: string, ending: string): string[] {
  const files = readdirSync(folder, { recursive: true }) as string[];
  const ofPartitions = files.filter((name) => /\/\d{20}\./.test(name));
  const wanted = ofPartitions.filter(
    (name) => name.endsWith(ending) && !name.startsWith("__cluster_metadata"),
  );
  return wanted.map((name) => join(folder, name)).toSorted();
}

/** Files of a partition that hold or find its records. */
function dataFilesOf(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /^\d{20}\./.test(name));
  return names.toSorted();
}

/** A file's bytes; a log's without producer ids and their sums, which brokers give out. */
function contentOf(path: string): Buffer {
  const content = readFileSync(path);
  if (!path.endsWith(".log")) return content;
  for (const { position } of recordBatches(content)) {
    content.fill(0, position + batchFields.crc, position + batchFields.crc + 4);
    content.fill(0, position + batchFields.producerId, position + batchFields.baseSequence);
  }
  return content;
}
