import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BrokerProcess } from "../support/broker-process.ts";
import { JavaTools } from "../support/java-tools.ts";
import { startKafka } from "../support/kafka-process.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { xylem } from "../support/xylem-command.ts";

const topic = "repaired";
const recordCount = 25;
/** One in a closed segment, two in the last one, each in a batch of its own. */
const damagedOffsets = [3, 21, 22];

describeWith(["java", "maven"], "segments that xylem verify --repair wrote", () => {
  const folder = makeTemporaryFolder("repair-kafka");
  let kafka: BrokerProcess;
  let tools: JavaTools;

  beforeAll(async () => {
    [kafka, tools] = await Promise.all([startKafka({ dataFolder: folder }), JavaTools.start()]);
    await writeWithKafka(kafka);
    await kafka.terminate();
  });

  afterAll(async () => {
    await tools.close();
    await kafka.stop();
    removeFolder(folder);
  });

  test("are valid to Kafka's dump tool", async () => {
    const before = await tools.output("kafka-dump-log", dumpArguments(folder));
    expect(before).not.toMatch(/isvalid: false/);
    spoil(folder);
    const told = await xylem(["verify", "--data", folder]);
    const repairs = [...told.stdout.matchAll(/--repair "([^"]*)"/g)].map(([, words]) => `${words}`);
    expect(repairs).toEqual([
      `skip damaged offsets 3-3 of ${topic}-0`,
      `skip damaged offsets 21-22 of ${topic}-0`,
    ]);
    const done = await xylem(["verify", "--data", folder, "--repair", ...repairs]);
    expect([done.stderr, done.code]).toEqual(["", 0]);
    const after = await tools.output("kafka-dump-log", dumpArguments(folder));
    expect(after).not.toMatch(/isvalid: false|non-consecutive|mismatch|corrupt|Could not dump/i);
    expect(after).toMatch(/baseOffset: 21 lastOffset: 22 count: 0 .*isvalid: true/);
    // What is not skipped is told as before, but for where it lies.
    const kept = offsetsIn(before).filter((offset) => !damagedOffsets.includes(offset));
    expect(offsetsIn(after)).toEqual(kept);
  });

  test("are served by Kafka, and go on where the log ended", async () => {
    await kafka.restart();
    const client = await RawClient.open(kafka.port);
    const { baseOffset } = await client.produce([topic, 0], batchOf(["more"]));
    expect(baseOffset).toBe(recordCount);
    const offsets = (await client.readAll([topic, 0])).map(({ offset }) => offset);
    client.close();
    const all = Array.from({ length: recordCount + 1 }, (_, offset) => offset);
    expect(offsets).toEqual(all.filter((offset) => !damagedOffsets.includes(offset)));
    await kafka.terminate();
  });
});

/** Three segments of equally large batches, one record each. */
async function writeWithKafka(kafka: BrokerProcess): Promise<void> {
  const client = await RawClient.open(kafka.port);
  await client.createTopic(topic, { configs: { "segment.bytes": "1048576" } });
  for (let at = 0; at < recordCount; at += 1) {
    await client.produce([topic, 0], batchOf([{ value: new Uint8Array(100_000) }]));
  }
  client.close();
}

function logsIn(folder: string): string[] {
  const path = join(folder, `${topic}-0`);
  const names = readdirSync(path).filter((name) => name.endsWith(".log"));
  return names.toSorted().map((name) => join(path, name));
}

function spoil(folder: string): void {
  const logs = logsIn(folder);
  expect(logs).toHaveLength(3);
  const bases = logs.map((path) => Number(/(\d{20})\.log$/.exec(path)?.[1]));
  for (const offset of damagedOffsets) {
    const at = bases.findLastIndex((base) => base <= offset);
    const path = logs[at] as string;
    const bytes = readFileSync(path);
    const batchBytes = bytes.length / ((bases[at + 1] ?? recordCount) - (bases[at] as number));
    const position = (offset - (bases[at] as number) + 0.5) * batchBytes;
    bytes[Math.floor(position)] = (bytes[Math.floor(position)] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  }
}

function dumpArguments(folder: string): string[] {
  return ["--deep-iteration", "--files", logsIn(folder).join(",")];
}

/** Of the records that Kafka's dump tool told. */
function offsetsIn(dump: string): number[] {
  return [...dump.matchAll(/^\| offset: (\d+) /gm)].map(([, offset]) => Number(offset));
}
