import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { isLongRun } from "../support/repository.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startXylem } from "../support/xylem-process.ts";

const hasProc = existsSync("/proc/self/fd");
const topicCount = 1_000;
const idleMs = 5_000;

/** The logs that the process holds open; all of them are below `data`. */
function openLogs({ pid }: BrokerProcess, data: string): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return target.startsWith(data) && target.endsWith(".log") && target.includes("topic-")
        ? [target]
        : [];
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
}

async function fill(data: string, topics: number, partitions: number): Promise<void> {
  await using broker = await Xylem.start({ data });
  const makeOne = async (at: number): Promise<void> => {
    const topic = await broker.topic(`topic-${at}`, { partitions, configs: { durability: "os" } });
    const indexes = Array.from({ length: partitions }, (_, partition) => partition);
    await topic.append(indexes.map((partition) => ({ value: `${at}.${partition}`, partition })));
  };
  for (let first = 0; first < topics; first += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, at) => makeOne(first + at)));
  }
}

test.skipIf(!hasProc)(
  "1,000 topics after a restart hold no open files, but for the one in use while it is used",
  async () => {
    const data = makeTemporaryFolder("many-topics");
    await fill(data, topicCount, 1);
    const broker = await startXylem({
      dataFolder: data,
      settings: { "log.partition.idle.ms": String(idleMs) },
    });
    expect(openLogs(broker, data)).toEqual([]);
    const client = await RawClient.open(broker.port);
    expect(await client.listOffset(["topic-7", 0], -1)).toMatchObject({ errorCode: 0, offset: 1 });
    expect(openLogs(broker, data)).toEqual([]);
    const [record] = await client.readAll(["topic-7", 0]);
    expect(textOf(record?.value ?? null)).toBe("7.0");
    const { baseOffset } = await client.produce(["topic-8", 0], batchOf(["more"]));
    expect([baseOffset, openLogs(broker, data).length]).toEqual([1, 2]);
    const wait = (): boolean => openLogs(broker, data).length === 0;
    await waitUntil("idle topics are closed again", async () => wait());
    expect(await client.produce(["topic-8", 0], batchOf(["again"]))).toMatchObject({
      baseOffset: 2,
    });
    client.close();
    await broker.kill();
    const next = await startXylem({ dataFolder: data });
    const again = await RawClient.open(next.port);
    expect((await again.readAll(["topic-8", 0])).map(({ value }) => textOf(value))).toEqual([
      "8.0",
      "more",
      "again",
    ]);
    again.close();
    expect(await next.stop()).toBe(0);
    removeFolder(data);
  },
);

const manyPartitions = isLongRun ? 10_000 : 1_000;
/** A promise about 10,000; a short run may share its machine, and measures nothing. */
const writtenWithinMs = isLongRun ? 30_000 : Infinity;

test(`${manyPartitions} partitions are made and written in good time, and read again`, async () => {
  const data = makeTemporaryFolder("many-partitions");
  const startedMs = performance.now();
  await fill(data, manyPartitions / 20, 20);
  expect(performance.now() - startedMs).toBeLessThan(writtenWithinMs);
  await using broker = await Xylem.start({ data });
  const values = new Set<string>();
  for (let at = 0; at < manyPartitions / 20; at += 1) {
    const topic = await broker.topic(`topic-${at}`);
    for await (const record of topic.read()) values.add(record.text());
  }
  expect(values.size).toBe(manyPartitions);
  await broker.close();
  removeFolder(data);
});
