import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromDisk, tools } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import {
  allCommitted,
  TransactionalProducer,
} from "../../../test/support/transactional-producer.ts";
import { partitionOfKey } from "../../base/murmur2.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import { buildBatch } from "../../protocol/build-batch.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { latestByKey } from "./latest-by-key.ts";

type Pair = readonly [key: string, value: string | null];

function send(log: PartitionLog, pairs: readonly Pair[], timestampMs = 1_767_225_600_000): void {
  const records = pairs.map(([key, value]) => ({
    key: encodeUtf8(key),
    value: value === null ? null : encodeUtf8(value),
    timestampMs,
  }));
  log.append(buildBatch(records, {}, tools), { origin: "client" });
}

/** "value@offset", "tombstone@offset" or undefined. */
async function latest(memory: MemoryBroker, key: string, partition?: number) {
  const ask = { topic: "orders", key: encodeUtf8(key), partition };
  const found = await latestByKey(memory.broker, tools, ask);
  if (found === undefined) return undefined;
  return `${found.value === null ? "tombstone" : decodeUtf8(found.value)}@${found.offset}`;
}

async function open(settings: Parameters<typeof MemoryBroker.open>[0] = {}, partitions = 1) {
  const memory = await MemoryBroker.open(settings);
  const topic = await memory.createTopic("orders", {}, partitions);
  for (const log of topic.partitions) await log.load();
  return { memory, topic, log: topic.partitions[0] as PartitionLog };
}

describe("the newest record of a key", () => {
  test("it is the last one that was written, a tombstone too", async () => {
    const { memory, log } = await open();
    expect(await latest(memory, "a")).toBeUndefined();
    send(log, [
      ["a", "1"],
      ["b", "2"],
      ["a", "3"],
    ]);
    send(log, [["b", null]]);
    await allCommitted(log);
    expect(await latest(memory, "a")).toBe("3@2");
    expect(await latest(memory, "b")).toBe("tombstone@3");
    expect(await latest(memory, "c")).toBeUndefined();
    await log.deleteRecordsBefore(3);
    expect(await latest(memory, "a")).toBeUndefined();
    await memory.close();
  });

  test("whatever was written, it is what a reader of the whole log ends with", async () => {
    const value = fc.oneof(fc.constantFrom(null, "x"), fc.string({ maxLength: 2_000 }));
    const batch = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), value), {
      minLength: 1,
      maxLength: 40,
    });
    const cases = fc.record({ batches: fc.array(batch, { maxLength: 30 }), cut: fc.nat(200) });
    await fc.assert(
      fc.asyncProperty(cases, async ({ batches, cut }) => {
        const { memory, log } = await open(fromDisk);
        const all = batches.flat();
        for (const pairs of batches) send(log, pairs);
        await allCommitted(log);
        const start = Math.min(cut, all.length);
        await log.deleteRecordsBefore(start);
        for (const key of ["a", "b", "c", "d", "e"]) {
          const offset = all.findLastIndex(([written]) => written === key);
          const text = all[offset]?.[1] ?? "tombstone";
          const expected = offset < start ? undefined : `${text}@${offset}`;
          expect(await latest(memory, key)).toBe(expected);
        }
        await memory.close();
      }),
      { numRuns: 40 },
    );
  });

  test("a record far from the end is found, one in a large batch with one reading", async () => {
    const { memory, log } = await open({ ...fromDisk, "log.search.max.bytes": 3_000_000 });
    send(log, [["far", "1"]]);
    const filler = Array.from({ length: 9_000 }, () => ["other", "x".repeat(90)] as const);
    send(log, filler);
    send(log, filler);
    await allCommitted(log);
    expect(await latest(memory, "far")).toBe("1@0");
    await memory.close();
  });

  test("a search that is given up says where, and is no absence", async () => {
    const { memory, log } = await open({ "log.search.max.bytes": 1_048_576 });
    send(log, [["far", "1"]]);
    for (let count = 0; count < 3; count += 1) send(log, [["other", "x".repeat(600_000)]]);
    await allCommitted(log);
    const error = { code: "SCAN_LIMIT_REACHED" };
    await expect(latest(memory, "far")).rejects.toMatchObject(error);
    await expect(latest(memory, "none")).rejects.toMatchObject(error);
    expect(await latest(memory, "other")).toMatch(/@3$/);
    await memory.close();
  });

  test("records of aborted and of open transactions do not count", async () => {
    const { memory, log } = await open();
    send(log, [["k", "plain"]]);
    const producer = new TransactionalProducer(1);
    producer.send(log, ["aborted"]);
    producer.end(log, "abort");
    producer.send(log, ["open"]);
    await allCommitted(log);
    expect(await latest(memory, "k")).toBe("plain@0");
    await memory.close();
  });
});

describe("among partitions", () => {
  test("a key that other clients put elsewhere is found; the latest time counts", async () => {
    const { memory, topic } = await open({}, 4);
    const home = partitionOfKey(encodeUtf8("a"), 4);
    const others = topic.partitions.filter(({ index }) => index !== home);
    send(others[0] as PartitionLog, [["a", "new"]], 1_767_225_600_000);
    send(others[1] as PartitionLog, [["a", "old"]], 1_700_000_000_000);
    await Promise.all(others.map(allCommitted));
    expect(await latest(memory, "a")).toBe("new@0");
    expect(await latest(memory, "a", others[1]?.index)).toBe("old@0");
    expect(await latest(memory, "a", home)).toBeUndefined();
    const log = topic.partitions[home] as PartitionLog;
    send(log, [["a", "at home"]], 1);
    await allCommitted(log);
    expect(await latest(memory, "a")).toBe("at home@0");
    await memory.close();
  });
});
