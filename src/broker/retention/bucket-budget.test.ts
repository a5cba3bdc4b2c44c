import { afterEach, describe, expect, test } from "vitest";
import { append, readValues } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import { configureBucket, createBucket, describeBucket } from "../buckets/change-bucket.ts";
import type { LazyPartition } from "../partition/lazy/lazy-partition.ts";
import type { Topic } from "../topics/topics.ts";
import { evictTopics } from "./evict-topics.ts";

let world: MemoryBroker | undefined;

afterEach(async () => {
  await world?.close();
});

const small = { "internal.segment.bytes": "1000" };
const value = "x".repeat(900);

async function fill(topic: Topic, count: number, partition = 0): Promise<void> {
  for (let at = 0; at < count; at += 1) await append(topic.partitions[partition]!, [value]);
}

const budget = (bytes: number) => new Map([["bucket.retention.bytes", String(bytes)]]);
const startOf = (topic: Topic): number => topic.partitions[0]!.logStart;

describe("the budget of a bucket", () => {
  test("is kept to by every bucket, at the check, and by nobody outside", async () => {
    world = await MemoryBroker.open({ "log.retention.check.interval.ms": 1_000 });
    const { broker } = world;
    const buckets = ["a", "b", "c"];
    const topics = [];
    for (const name of [...buckets, "none"]) {
      topics.push(await world.createTopic(`${name}.one`, small));
    }
    for (const topic of topics) await fill(topic, 20);
    for (const name of buckets) await createBucket(broker, name, budget(5_000));
    await world.clock.advance(1_000);
    for (const name of buckets) {
      const size = (): number => describeBucket(broker, name).sizeBytes;
      await expect.poll(size).toBeLessThanOrEqual(5_000);
      expect(size()).toBeGreaterThan(3_900);
    }
    expect(startOf(topics[3]!)).toBe(0);
    const [partition] = topics[0]!.partitions;
    expect(await readValues(partition!, partition!.logStart)).toHaveLength(
      20 - startOf(topics[0]!),
    );
  });

  test("takes from the loud, not from the quiet, and from all partitions of a topic", async () => {
    world = await MemoryBroker.open();
    const { broker } = world;
    const loud = await world.createTopic("a.loud", small, 2);
    const quiet = await world.createTopic("a.quiet", small);
    await fill(quiet, 3);
    for (let round = 0; round < 10; round += 1) {
      for (const partition of [0, 1]) {
        await world.clock.advance(10);
        const timestampMs = world.clock.nowMs();
        await append(loud.partitions[partition]!, [value], { timestampMs });
      }
    }
    await createBucket(broker, "a", budget(10_000));
    const report = await evictTopics(broker, { bucket: "a" });
    expect(report.partitions.map(({ topic }) => topic)).toEqual(["a.loud", "a.loud"]);
    expect(startOf(quiet)).toBe(0);
    const [first, second] = loud.partitions.map(({ logStart }) => logStart);
    expect(Math.abs(first! - second!)).toBeLessThanOrEqual(1);
    expect(describeBucket(broker, "a").sizeBytes).toBeLessThanOrEqual(10_000);
    expect((await evictTopics(broker, { bucket: "a" })).partitions).toEqual([]);
  });

  test("of one topic's eviction nothing is seen by the bucket", async () => {
    world = await MemoryBroker.open();
    const { broker } = world;
    const topic = await world.createTopic("a.one", small);
    await fill(topic, 10);
    await createBucket(broker, "a", budget(2_000));
    expect((await evictTopics(broker, { topic: "a.one" })).partitions).toEqual([]);
    expect((await evictTopics(broker, { bucket: "a" })).partitions).toHaveLength(1);
    await expect(evictTopics(broker, { bucket: "b" })).rejects.toMatchObject({
      code: "RESOURCE_NOT_FOUND",
    });
  });

  test("counts topics that are compacted, and takes nothing from them", async () => {
    world = await MemoryBroker.open();
    const { broker } = world;
    const kept = await world.createTopic("a.kept", { ...small, "cleanup.policy": "compact" });
    const topic = await world.createTopic("a.one", small);
    for (let at = 0; at < 20; at += 1) await append(kept.partitions[0]!, [value], { key: `${at}` });
    await fill(topic, 20);
    await createBucket(broker, "a", budget(10_000));
    await evictTopics(broker, "all");
    expect(startOf(kept)).toBe(0);
    expect(topic.partitions[0]!.sizeBytes).toBeGreaterThan(3_900);
    expect(topic.partitions[0]!.sizeBytes).toBeLessThanOrEqual(5_000);
  });

  test("counts and trims partitions that nobody uses, whose files are shut", async () => {
    world = await MemoryBroker.open({ "log.partition.idle.ms": 1_000 });
    const { broker, clock } = world;
    const topic = await world.createTopic("a.one", small);
    await fill(topic, 20);
    const partition = topic.partitions[0] as LazyPartition;
    for (let round = 0; round < 10 && partition.opened !== undefined; round += 1) {
      await clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(partition.opened).toBeUndefined();
    await createBucket(broker, "a", budget(5_000));
    expect(describeBucket(broker, "a").sizeBytes).toBeGreaterThan(18_000);
    const report = await evictTopics(broker, "all");
    expect(report.partitions).toMatchObject([{ topic: "a.one", logStartBefore: 0 }]);
    expect(report.freedBytes).toBeGreaterThan(14_000);
    expect(describeBucket(broker, "a").sizeBytes).toBeLessThanOrEqual(5_000);
  });

  test("is in force from when it is set to when it is taken away", async () => {
    world = await MemoryBroker.open();
    const { broker } = world;
    const topic = await world.createTopic("a.one", small);
    await createBucket(broker, "a", new Map());
    await fill(topic, 10);
    await evictTopics(broker, "all");
    expect(startOf(topic)).toBe(0);
    const name = "bucket.retention.bytes";
    await configureBucket(broker, "a", [{ name, operation: "set", value: "5000" }]);
    await evictTopics(broker, "all");
    const start = startOf(topic);
    expect(start).toBeGreaterThan(0);
    await configureBucket(broker, "a", [{ name, operation: "delete", value: null }]);
    await fill(topic, 10);
    await evictTopics(broker, "all");
    expect(startOf(topic)).toBe(start);
  });
});
