import { expect, test } from "vitest";
import { append, memoryDisk, runPass } from "../../../test/support/log-directory.ts";
import { openTopicsWorld, type TopicsWorld } from "../../../test/support/topics-world.ts";
import { mergeSettings } from "../../base/settings/merge-settings.ts";
import { systemClock } from "../../node/system-clock.ts";
import type { Partition } from "../partition/partition.ts";
import { Cancellation } from "../ports/compactor.ts";
import { Scrubbing } from "./scrubbing.ts";

const { settings } = mergeSettings([{ origin: "the test", texts: new Map() }]);

function scrub(world: TopicsWorld, topic?: string, cancellation = new Cancellation()) {
  const { topics, background: partitions } = world;
  const scrubbing = new Scrubbing({ topics, partitions, settings, clock: systemClock });
  return scrubbing.run(topic, { cancellation, progress: () => undefined });
}

async function openOrders(): Promise<TopicsWorld> {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("orders", { "segment.records": "4" });
  for (let value = 0; value < 10; value += 1) {
    await append(world.partition("orders"), [`${value}`]);
  }
  return world;
}

test("a log in use is checked to its end, the active segment too", async () => {
  const world = await openOrders();
  const { findings, totals } = await scrub(world);
  expect(findings).toEqual([]);
  const counts = { segments: 3, batches: 10, records: 10, damaged: 0 };
  expect(totals).toMatchObject({ partitions: 1, ...counts });
});

test("a flipped bit is told with its place by each scrub, and counted once", async () => {
  const world = await openOrders();
  const path = "orders-0/00000000000000000004.log";
  const bytes = (await world.disk.readFile(path))!.slice();
  const sizeBytes = bytes.length / 4;
  const at = sizeBytes * 2 - 1;
  bytes[at] = (bytes[at] as number) ^ 1;
  const file = await world.disk.open(path, { create: false });
  await file.truncate(0);
  await file.append([bytes]);
  await file.close();
  const damage = { kind: "damage", topic: "orders", partition: 0, position: sizeBytes, sizeBytes };
  const lost = { firstLostOffset: 5, lastLostOffset: 5 };
  for (let round = 0; round < 2; round += 1) {
    const { findings, totals } = await scrub(world, "orders");
    expect(findings).toEqual([expect.objectContaining({ ...damage, ...lost })]);
    expect(totals).toMatchObject({ batches: 9, damaged: 1 });
  }
  expect(world.directory.health.damages).toBe(1);
});

test("what retention removes meanwhile is no damage, and appends go on", async () => {
  const world = await openOrders();
  const orders = world.partition("orders");
  const scrubbing = scrub(world);
  await orders.deleteRecordsBefore(6);
  await append(orders, ["meanwhile"]);
  expect((await scrubbing).findings).toEqual([]);
});

test("a segment that compaction replaces meanwhile is read again, and is no damage", async () => {
  const world = await openTopicsWorld(memoryDisk());
  await world.create("keyed", { "segment.records": "4", "cleanup.policy": "compact" });
  const keyed = world.partition("keyed");
  for (let value = 0; value < 6; value += 1) {
    await append(keyed, [`${value}`], { key: value === 1 ? "once" : "again" });
  }
  // So slow that each read waits for the clock.
  const slow = { ...settings, "log.scrub.io.max.bytes.per.second": 100 };
  const { topics, background: partitions, clock } = world;
  const scrubbing = new Scrubbing({ topics, partitions, settings: slow, clock });
  const cancellation = new Cancellation();
  let isOver = false;
  const scrubbed = scrubbing.run("keyed", { cancellation, progress: () => undefined });
  void scrubbed.finally(() => (isOver = true)).catch(() => undefined);
  await clock.advance(1);
  const pass = await runPass(keyed as Partition, clock);
  expect(pass?.bytesWritten).toBeLessThan(pass?.bytesRead ?? 0);
  expect(isOver).toBe(false);
  while (!isOver) {
    await clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { findings, totals } = await scrubbed;
  expect(findings).toEqual([]);
  // The pass left 1 and 3; the active segment has two more.
  expect(totals.records).toBe(4);
});

test("a partition that was shut is checked, and shut again", async () => {
  const first = await openOrders();
  await first.close();
  const world = await openTopicsWorld(first.disk, { isLazy: true });
  const orders = world.partition("orders");
  // Undefined: its files are shut.
  expect(orders.compaction).toBeUndefined();
  const { findings, totals } = await scrub(world);
  expect([findings, totals.records]).toEqual([[], 10]);
  expect(orders.compaction).toBeUndefined();
  await orders.load("files");
  expect((await scrub(world)).totals.records).toBe(10);
  expect(orders.compaction).toBeDefined();
});

test("an unknown topic and a scrub that is given up are told", async () => {
  const world = await openOrders();
  await expect(scrub(world, "none")).rejects.toThrow("no topic");
  const wished = new Cancellation();
  wished.wish();
  await expect(scrub(world, "orders", wished)).rejects.toThrow("given up");
});
