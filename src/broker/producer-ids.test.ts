import { expect, test } from "vitest";
import { openTopicRig } from "../../test/support/topic-rig.ts";
import { silentLog } from "../base/log.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { CoordinatorFeed } from "./cluster/coordinator-feed.ts";
import { restoredKey } from "./cluster/replicas/restored-mark.ts";
import type { Coordinator } from "./ports/coordinator.ts";
import { ProducerIds } from "./producer-ids.ts";

test("thousands of ids, asked for at once, are all different", async () => {
  const { coordinator } = await openTopicRig();
  const ids = new ProducerIds(coordinator);
  const given = await Promise.all(Array.from({ length: 3_500 }, () => ids.next()));
  expect(new Set(given).size).toBe(3_500);
  expect(Math.max(...given)).toBe(3_499);
});

test("an id is never given again after a restart", async () => {
  const rig = await openTopicRig();
  const before = await new ProducerIds(rig.coordinator).next();
  const { coordinator } = await rig.restart();
  const after = await new ProducerIds(coordinator).next();
  expect([before, after]).toEqual([0, 1_000]);
});

test("two that reserve from one coordinator never give the same id", async () => {
  const { coordinator } = await openTopicRig();
  const both = [new ProducerIds(coordinator), new ProducerIds(coordinator)];
  const given = await Promise.all(Array.from({ length: 5_000 }, (_, at) => both[at % 2]!.next()));
  expect(new Set(given).size).toBe(5_000);
});

test("a block is kept with one write: a thousand ids cost one revision", async () => {
  const { coordinator } = await openTopicRig();
  const ids = new ProducerIds(coordinator);
  await ids.next();
  const { revision } = await coordinator.read("");
  for (let count = 1; count < 1_000; count++) await ids.next();
  expect((await coordinator.read("")).revision).toBe(revision);
  await ids.next();
  expect((await coordinator.read("")).revision).toBe(revision + 1);
});

test("after a restore nothing is given that others may have had", async () => {
  const { coordinator } = await openTopicRig();
  const write = (key: string, value: string) => coordinator.transact([], [{ key, value }]);
  await write("producer-ids", "3000");
  await write(restoredKey, "{}");
  const both = [new ProducerIds(coordinator), new ProducerIds(coordinator)];
  const [first, second] = [await both[0]!.next(), await both[1]!.next()];
  expect(first).toBeGreaterThan(100_000);
  expect(second).toBe(first + 1_000);
});

test("what is left of a block is not given once a restore was noticed", async () => {
  const { coordinator } = await openTopicRig();
  const ids = new ProducerIds(coordinator);
  const clock = new VirtualClock();
  const [feed] = await CoordinatorFeed.open({ coordinator, clock, log: silentLog });
  await ids.follow(feed, []);
  const before = await ids.next();
  await coordinator.transact([], [{ key: restoredKey, value: "{}" }]);
  await feed.catchUp(restoredKey);
  expect(await ids.next()).toBeGreaterThan(before + 100_000);
  feed.close();
});

test("who hears of blocks late takes it for no coordinator that went back in time", async () => {
  const { coordinator } = await openTopicRig();
  const late: (() => void)[] = [];
  const watch: Coordinator["watch"] = (prefix, revision, watcher) =>
    coordinator.watch(prefix, revision, {
      onGap: () => watcher.onGap(),
      onChanges: (...told) => void late.push(() => watcher.onChanges(...told)),
    });
  const behind = { read: coordinator.read.bind(coordinator), watch } as Coordinator;
  const clock = new VirtualClock();
  const [feed] = await CoordinatorFeed.open({ coordinator: behind, clock, log: silentLog });
  const ids = new ProducerIds(coordinator);
  await ids.follow(feed, []);
  for (let count = 0; count < 2_500; count += 1) await ids.next();
  expect(late.length).toBe(3);
  for (const tell of late) tell();
  expect(await ids.next()).toBe(2_500);
});
