import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { JavaTools } from "../support/java-tools.ts";
import { kcat } from "../support/kcat.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";

const topic = "compacted";
const recordCount = 4_000;
const keyCount = 100;
const configs = {
  "cleanup.policy": "compact",
  "segment.bytes": "1048576",
  "min.cleanable.dirty.ratio": "0.01",
  "file.delete.delay.ms": "0",
};
const cleanerBackoffMs = 200;
const settings = { "log.cleaner.backoff.ms": String(cleanerBackoffMs) };

let broker: BrokerProcess;
let client: RawClient;
const dataFolder = makeTemporaryFolder("compaction");

beforeAll(async () => {
  broker = await startBroker({ dataFolder, settings });
  client = await RawClient.open(broker.port);
  await client.createTopic(topic, { configs });
  const encoder = new TextEncoder();
  for (let first = 0; first < recordCount; first += 100) {
    const records = Array.from({ length: 100 }, (_, index) => ({
      key: encoder.encode(`key ${(first + index * 7) % keyCount}`),
      value: encoder.encode(`value ${first + index} `.padEnd(1_000, "x")),
    }));
    await client.produce([topic, 0], batchOf(records));
  }
  let before = recordCount;
  await waitUntil("the log is compacted, and the cleaner finds no more", async () => {
    await sleep(5 * cleanerBackoffMs);
    const kept = (await client.readAll([topic, 0])).length;
    const isDone = kept === before && kept < recordCount / 2;
    before = kept;
    return isDone;
  });
});

afterAll(async () => {
  client.close();
  await broker.stop();
  removeFolder(dataFolder);
});

describe("a topic that the broker compacted", () => {
  test("holds the last value of each key, at its offset", async () => {
    const kept = await client.readAll([topic, 0]);
    const last = new Map(kept.map(({ key, value }) => [textOf(key), textOf(value)]));
    expect(last.size).toBe(keyCount);
    for (const { offset, value } of kept) expect(textOf(value)).toContain(`value ${offset} `);
    const lastRound = [...last.values()].map((value) => Number(value.split(" ")[1]));
    expect(Math.min(...lastRound)).toBeGreaterThanOrEqual(recordCount - keyCount);
    expect(kept.at(-1)?.offset).toBe(recordCount - 1);
  });

  test("is read by kcat from its start, and from an offset that is gone", async () => {
    const show = ["-C", "-t", topic, "-p", "0", "-e", "-f", "%o\n"];
    const all = await kcat(broker.bootstrap, [...show, "-o", "beginning"]);
    const offsets = all.stdout.trim().split("\n").map(Number);
    expect(offsets.at(-1)).toBe(recordCount - 1);
    const missing = Array.from({ length: recordCount }, (_, offset) => offset).find(
      (offset) => !offsets.includes(offset),
    );
    const rest = await kcat(broker.bootstrap, [...show, "-o", String(missing)]);
    const next = offsets.filter((offset) => offset > Number(missing));
    expect(rest.stdout.trim().split("\n").map(Number)).toEqual(next);
  });

  test("is the same after a restart", async () => {
    const before = await client.readAll([topic, 0]);
    client.close();
    await broker.restart();
    client = await RawClient.open(broker.port);
    expect((await client.readAll([topic, 0])).length).toBeLessThanOrEqual(before.length);
    const produced = await client.produce([topic, 0], batchOf([{ key: Uint8Array.of(1) }]));
    expect(produced.baseOffset).toBe(recordCount);
  });
});

describeWith(["java", "maven"], "the files of a compacted topic", () => {
  test("are valid to Kafka's dump tool", async () => {
    const tools = await JavaTools.start();
    await broker.terminate();
    const folder = join(broker.dataFolder, `${topic}-0`);
    const paths = (ending: string): string =>
      readdirSync(folder)
        .filter((name) => name.endsWith(ending))
        .map((name) => join(folder, name))
        .join(",");
    const logs = await tools.output("kafka-dump-log", [
      "--deep-iteration",
      "--files",
      paths(".log"),
    ]);
    expect(logs).not.toMatch(/isvalid: false|corrupt|Could not dump/i);
    expect(logs).toMatch(/isvalid: true/);
    for (const ending of [".index", ".timeindex"]) {
      const files = ["--verify-index-only", "--files", paths(ending)];
      expect(await tools.output("kafka-dump-log", files)).not.toMatch(/mismatch|not found/i);
    }
    await tools.close();
  });
});
