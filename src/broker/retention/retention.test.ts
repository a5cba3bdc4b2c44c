import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { append } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import type { Topic } from "../topics/topics.ts";
import { evictTopics } from "./evict-topics.ts";

let world: MemoryBroker | undefined;

afterEach(async () => {
  await world?.close();
});

const configs = { "segment.records": "2", "retention.records": "2" };

async function fill(topic: Topic, count: number): Promise<void> {
  const [partition] = topic.partitions;
  for (let at = 0; at < count; at += 1) await append(partition!, [`value ${at}`]);
}

describe("retention of a node", () => {
  test("looks at every topic once an interval, and at topics that came since", async () => {
    world = await MemoryBroker.open({ "log.retention.check.interval.ms": 1_000 });
    const early = await world.createTopic("early", configs);
    await fill(early, 5);
    await world.clock.advance(999);
    await turn();
    expect(early.partitions[0]!.logStart).toBe(0);
    await world.clock.advance(1);
    await turn();
    expect(early.partitions[0]!.logStart).toBe(3);
    const late = await world.createTopic("late", configs);
    await fill(late, 4);
    await world.clock.advance(1_000);
    await turn();
    expect(late.partitions[0]!.logStart).toBe(2);
  });

  test("on demand it is one topic's alone, and tells what went", async () => {
    world = await MemoryBroker.open();
    const { broker } = world;
    const [one, other] = [
      await world.createTopic("one", configs),
      await world.createTopic("other", configs),
    ];
    await fill(one, 5);
    await fill(other, 5);
    const before = one.partitions[0]!.sizeBytes;
    const report = await evictTopics(broker, { topic: "one" });
    const freedBytes = before - one.partitions[0]!.sizeBytes;
    expect(freedBytes).toBeGreaterThan(0);
    const moved = { topic: "one", partition: 0, logStartBefore: 0, logStart: 3, freedBytes };
    expect(report).toEqual({ partitions: [moved], failures: [], unlisted: 0, freedBytes });
    expect(other.partitions[0]!.logStart).toBe(0);
    expect((await evictTopics(broker, "all")).partitions).toHaveLength(1);
    expect((await evictTopics(broker, "all")).partitions).toEqual([]);
    await expect(evictTopics(broker, { topic: "none" })).rejects.toMatchObject({
      code: "UNKNOWN_TOPIC_OR_PARTITION",
    });
  });

  test("passes asked for at once run one after the other, and close waits for them", async () => {
    world = await MemoryBroker.open();
    const { broker } = world;
    const topic = await world.createTopic("one", configs);
    await fill(topic, 9);
    const passes = [1, 2, 3].map(() => evictTopics(broker, "all"));
    const aborted = evictTopics(broker, "all", { aborted: true });
    const moves = (await Promise.all(passes)).map(({ partitions }) => partitions.length);
    expect(moves).toEqual([1, 0, 0]);
    expect((await aborted).partitions).toEqual([]);
    await broker.retention.close();
    await fill(topic, 3);
    expect((await evictTopics(broker, "all")).partitions).toEqual([]);
  });
});
