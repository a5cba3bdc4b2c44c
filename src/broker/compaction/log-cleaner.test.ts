import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { GroupBroker } from "../../../test/support/group-broker.ts";
import { openLazyWorld } from "../../../test/support/lazy-storage.ts";
import { append, readRecords } from "../../../test/support/log-directory.ts";
import { silentLog } from "../../base/log.ts";
import { defaultNodeSettings, type NodeSettings } from "../../base/settings/node-settings.ts";
import { defaultTopicSettings } from "../../base/settings/topic-settings.ts";
import { decodeUtf8 } from "../../base/text.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import { LogCleaner } from "./log-cleaner.ts";

const compacted = { "cleanup.policy": "compact", "internal.segment.bytes": "500" };
const hourMs = 3_600_000;

/** A round of the cleaner, its pauses in virtual time. */
async function clean(node: GroupBroker): Promise<void> {
  let isDone = false;
  const cleaning = node.broker.cleaner.clean().finally(() => {
    isDone = true;
  });
  while (!isDone) await node.clock.advance(0);
  await cleaning;
}

async function openTopic(
  configs: Readonly<Record<string, string>>,
  settings: Partial<NodeSettings> = {},
): Promise<{ node: GroupBroker; topic: Topic; log: PartitionLog }> {
  const node = await GroupBroker.open(settings);
  const topic = await node.createTopic("orders", 1, configs);
  return { node, topic, log: topic.partitions[0] as PartitionLog };
}

async function write(node: GroupBroker, log: PartitionLog, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const timestampMs = node.clock.nowMs();
    await append(log, [`value ${index}`], { key: `key ${index % 3}`, timestampMs });
  }
}

async function keysOf(log: PartitionLog): Promise<string[]> {
  const records = await readRecords(log, log.logStart);
  return records.map(({ key }) => decodeUtf8(key ?? new Uint8Array(0)));
}

describe("the cleaner", () => {
  test("leaves one record of each key below the active segment", async () => {
    const { node, log } = await openTopic(compacted);
    await write(node, log, 60);
    await clean(node);
    const offsets = (await readRecords(log, 0)).map(({ offset }) => offset);
    expect(offsets.length).toBeLessThan(12);
    expect(offsets.at(-1)).toBe(59);
    expect(log.logStart).toBe(0);
    expect(node.broker.cleaner.totals.passCount).toBe(1);
  });

  test("leaves a topic alone that is not to be compacted", async () => {
    const { node, log } = await openTopic({ ...compacted, "cleanup.policy": "delete" });
    await write(node, log, 60);
    await clean(node);
    expect((await readRecords(log, 0)).length).toBe(60);
  });

  test("waits until enough is dirty", async () => {
    const ratio = { "min.cleanable.dirty.ratio": "0.9" };
    const { node, log } = await openTopic({ ...compacted, ...ratio });
    await write(node, log, 60);
    await clean(node);
    const sizeBytes = log.sizeBytes;
    await write(node, log, 10);
    await clean(node);
    expect(node.broker.cleaner.totals.passCount).toBe(1);
    expect(log.sizeBytes).toBeGreaterThan(sizeBytes);
  });

  test("does not touch what is younger than min.compaction.lag.ms", async () => {
    const lag = { "min.compaction.lag.ms": String(hourMs) };
    const { node, log } = await openTopic({ ...compacted, ...lag });
    await write(node, log, 60);
    await clean(node);
    expect((await readRecords(log, 0)).length).toBe(60);
    await node.advance(hourMs + 1);
    await clean(node);
    expect((await readRecords(log, 0)).length).toBeLessThan(12);
  });

  test("does not wait longer than max.compaction.lag.ms for enough to be dirty", async () => {
    const lag = { "max.compaction.lag.ms": String(hourMs), "min.cleanable.dirty.ratio": "1" };
    const { node, log } = await openTopic({ ...compacted, ...lag });
    await write(node, log, 60);
    await clean(node);
    expect((await readRecords(log, 0)).length).toBe(60);
    await node.advance(hourMs + 1);
    await clean(node);
    expect((await readRecords(log, 0)).length).toBeLessThan(12);
  });

  test("keeps a tombstone for delete.retention.ms, then takes it out", async () => {
    const rules = { "delete.retention.ms": String(hourMs), "min.cleanable.dirty.ratio": "0" };
    const { node, log } = await openTopic({ ...compacted, ...rules });
    await append(log, ["old"], { key: "gone", timestampMs: node.clock.nowMs() });
    await append(log, [null], { key: "gone", timestampMs: node.clock.nowMs() });
    await write(node, log, 60);
    await clean(node);
    const seen = await readRecords(log, 0);
    expect(seen.filter(({ value }) => value === null).map(({ offset }) => offset)).toEqual([1]);
    await node.advance(hourMs - 1);
    await write(node, log, 20);
    await clean(node);
    expect(await keysOf(log)).toContain("gone");
    await node.advance(1);
    await write(node, log, 20);
    await clean(node);
    expect(await keysOf(log)).not.toContain("gone");
  });

  test("and retention by age both work on compact,delete", async () => {
    const both = { "cleanup.policy": "compact,delete", "retention.ms": String(hourMs) };
    const { node, topic, log } = await openTopic({ ...compacted, ...both });
    await write(node, log, 60);
    await clean(node);
    expect((await readRecords(log, 0)).length).toBeLessThan(12);
    await node.advance(2 * hourMs);
    await node.broker.retention.evict({ topics: [topic], buckets: [] });
    expect([log.logStart, log.end]).toEqual([60, 60]);
  });

  test("reads and appends go on beside a pass", async () => {
    const { node, log } = await openTopic(compacted);
    await write(node, log, 60);
    const cleaning = clean(node);
    for (let index = 0; index < 20; index += 1) {
      const records = await readRecords(log, 0);
      expect(records.at(-1)?.offset).toBe(log.end - 1);
      await append(log, ["beside"], { key: "key 1", timestampMs: node.clock.nowMs() });
    }
    await cleaning;
    expect((await readRecords(log, 0)).at(-1)?.offset).toBe(79);
  });

  test("gives way to DeleteRecords", async () => {
    const { node, log } = await openTopic(compacted);
    await write(node, log, 60);
    const cleaning = clean(node);
    expect(await log.deleteRecordsBefore(50)).toBe(50);
    await cleaning;
    expect((await readRecords(log, 50)).map(({ offset }) => offset)).toContain(59);
    await clean(node);
    expect(log.logStart).toBe(50);
  });

  test("gives way to a topic's end", async () => {
    const { node, log } = await openTopic(compacted);
    await write(node, log, 60);
    const cleaning = clean(node);
    await node.broker.topics.delete("orders");
    await cleaning;
    expect(node.broker.topics.find("orders")).toBeUndefined();
  });
});

test("a damaged log is left alone for an hour, and compacted once it is repaired", async () => {
  const disk = new SimulatedDisk();
  const clock = new VirtualClock({ settle: () => turn() });
  const node = await GroupBroker.open({}, clock, disk);
  const topic = await node.createTopic("orders", 1, compacted);
  const log = topic.partitions[0] as PartitionLog;
  await write(node, log, 60);
  const path = "orders-0/00000000000000000000.log";
  const [sound] = disk.peek(path).slice(70, 71);
  disk.poke(path, disk.peek(path).with(70, (sound as number) ^ 1));
  await clean(node);
  disk.poke(path, disk.peek(path).with(70, sound as number));
  await clean(node);
  expect(node.broker.cleaner.totals.passCount).toBe(0);
  await node.advance(hourMs);
  await clean(node);
  expect(node.broker.cleaner.totals.passCount).toBe(1);
});

test("a log that nobody uses is opened for a look, once an hour", async () => {
  const disk = new SimulatedDisk();
  const settings = { "cleanup.policy": ["compact"], "internal.segment.bytes": 500 } as const;
  const before = await openLazyWorld(disk);
  const used = await before.find("orders", settings);
  for (let index = 0; index < 60; index += 1) await append(used, [`${index}`], { key: "key" });
  await before.storage.close();
  const { find, clock } = await openLazyWorld(disk);
  const log = await find("orders", settings);
  expect(log.compaction).toBeUndefined();
  const topic = {
    name: "orders",
    id: new Uint8Array(16),
    isInternal: false,
    isStoredDense: false,
    storedCount: 1,
    settings: { ...defaultTopicSettings, ...settings },
    configs: new Map<string, string>(),
    partitions: [log],
  };
  const more = { settings: defaultNodeSettings, clock, log: silentLog };
  const cleaner = new LogCleaner({ topics: { list: () => [topic] }, ...more });
  let isDone = false;
  const cleaning = cleaner.clean().finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await clock.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await cleaning;
  expect((await readRecords(log, 0)).length).toBeLessThan(12);
});

test("100,000 offset commits of few groups become little, and groups find them again", async () => {
  const settings = { "offsets.topic.num.partitions": 1, "offsets.topic.segment.bytes": 1_048_576 };
  let node = await GroupBroker.open(settings);
  const committer = { memberId: "", instanceId: null, generation: -1 };
  const details = { leaderEpoch: -1, metadata: "", retentionMs: null, topicId: null };
  for (let round = 1; round <= 400; round += 1) {
    const group = `group ${round % 4}`;
    const offsets = Array.from({ length: 250 }, (_, partition) => ({
      topic: "orders",
      partition,
      offset: round,
      ...details,
    }));
    const unknownGroup = "ILLEGAL_GENERATION" as const;
    await node.groups.commitOffsets(group, { committer, offsets, unknownGroup });
  }
  const [log] = node.broker.topics.find("__consumer_offsets")?.partitions ?? [];
  const sizeBytes = log?.sizeBytes ?? 0;
  expect(log?.end).toBeGreaterThanOrEqual(100_000);
  await clean(node);
  expect(log?.sizeBytes).toBeLessThan(sizeBytes / 5);
  node = await node.restart();
  for (let group = 0; group < 4; group += 1) {
    const { offsets } = node.groups.fetchOffsets(`group ${group}`, null);
    expect(offsets.length).toBe(250);
    const last = group === 0 ? 400 : 396 + group;
    expect(offsets.every(({ offset }) => offset === last)).toBe(true);
  }
});
