import { expect, test } from "vitest";
import { KeptLog } from "../../../../test/support/kept-log.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import type { ChainConfig } from "../../../replication/chain-config.ts";
import { MemoryDisk } from "../../../storage/memory-disk.ts";
import { KnownChains } from "./known-chains.ts";

const fileName = "xylem.chains";
const key = "chains/topic/0";
const kept = { isGone: false };

function onDisk() {
  const clock = new VirtualClock();
  const disk = new MemoryDisk({ sizeBytesMax: 1_000_000, clock });
  const log = new KeptLog();
  const open = (incarnation = "life 1") =>
    KnownChains.open({ disk, log, clock, self: { id: 1, incarnation } });
  return { disk, log, clock, open };
}

function chainOf(epoch: number, ...ids: number[]): ChainConfig {
  const members = ids.map((id) => ({ id, incarnation: `life ${id}`, lineage: "" }));
  return { epoch, members, joining: [], leaving: [], unclean: 0, replicas: ids };
}

test("what was known of chains is known after a start", async () => {
  const { open } = onDisk();
  const chains = await open();
  chains.note(key, chainOf(7, 1, 2), kept);
  chains.note("chains/topic/1", { ...chainOf(4, 3), unclean: 3 }, { isGone: true });
  chains.note("chains/other/0", chainOf(4, 3), kept);
  chains.forget("chains/other/0");
  await chains.stored();
  const again = await open();
  expect(again.find(key)).toEqual(chains.find(key));
  expect(again.find(key)).toMatchObject({ epoch: 7, memberIds: [1, 2], isGone: false });
  expect(again.find("chains/topic/1")).toEqual(chains.find("chains/topic/1"));
  const gone = { epoch: 4, memberIds: [3], unclean: 3, isGone: true };
  expect(again.find("chains/topic/1")).toMatchObject(gone);
  expect(again.find("chains/other/0")).toBeUndefined();
});

test("a member is not this node where the life that is listed had another disk", async () => {
  const { open } = onDisk();
  const wiped = await open("life 2");
  wiped.note(key, chainOf(7, 1), kept);
  wiped.note("chains/topic/1", chainOf(7, 1, 2), kept);
  await wiped.stored();
  const again = await open("life 3");
  expect(again.find(key)).toMatchObject({ epoch: 7, memberIds: [] });
  again.note("chains/topic/1", chainOf(8, 1, 2), kept);
  expect(again.find("chains/topic/1")).toMatchObject({ epoch: 8, memberIds: [2] });
});

test("a member in a former life is this node where the directory knows that it was", async () => {
  const { open } = onDisk();
  (await open("life 1")).note(key, chainOf(7, 1, 2), kept);
  await new Promise((resolve) => setImmediate(resolve));
  const again = await open("life 2");
  again.note(key, chainOf(8, 1), kept);
  expect(again.find(key)).toMatchObject({ epoch: 8, memberIds: [1] });
});

test("a chain is older than what is known by its epoch, or by other members in it", async () => {
  const chains = await onDisk().open();
  expect(chains.isAhead(key, chainOf(1, 1))).toBe(false);
  chains.note(key, chainOf(7, 1, 2), kept);
  expect(chains.isAhead(key, chainOf(6, 1, 2))).toBe(true);
  expect(chains.isAhead(key, chainOf(7, 1, 2))).toBe(false);
  expect(chains.isAhead(key, chainOf(7, 2))).toBe(true);
  expect(chains.isAhead(key, chainOf(8, 2))).toBe(false);
  // A joiner is named within the epoch.
  const joining = [{ id: 3, incarnation: "life 3", lineage: "" }];
  expect(chains.isAhead(key, { ...chainOf(7, 1, 2), joining })).toBe(false);
});

test("what changes again and again is written now and then", async () => {
  const { disk, clock, open } = onDisk();
  const chains = await open();
  const written = async () => Buffer.from((await disk.readFile(fileName)) ?? []).toString();
  for (let epoch = 1; epoch <= 20; epoch += 1) {
    chains.note(key, chainOf(epoch, 1), kept);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await written()).toMatch(/^topic[/]0 1 /);
  await clock.advance(200);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await written()).toMatch(/^topic[/]0 20 /);
});

test("who waits for what is known does not wait for what comes meanwhile", async () => {
  const { disk, open } = onDisk();
  const chains = await open();
  chains.note(key, chainOf(1, 1), kept);
  let epoch = 1;
  const rename = disk.rename.bind(disk);
  disk.rename = (from, to) => {
    if (epoch < 1_000) chains.note(key, chainOf((epoch += 1), 1), kept);
    return rename(from, to);
  };
  await chains.stored();
  expect(epoch).toBeLessThan(100);
});

test("what a slow disk refused in the end is written again", async () => {
  const { disk, clock, open } = onDisk();
  const chains = await open();
  const rename = disk.rename.bind(disk);
  const refusal = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  disk.rename = () => {
    asked.resolve();
    return refusal.promise;
  };
  chains.note(key, chainOf(7, 1), kept);
  await asked.promise;
  await clock.advance(1_000);
  disk.rename = rename;
  refusal.reject(new Error("i/o error"));
  for (let turns = 0; turns < 3; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(200);
  }
  expect((await open()).find(key)).toMatchObject({ epoch: 7 });
});

test("a file that is not whole says nothing", async () => {
  const { disk, log, open } = onDisk();
  const chains = await open();
  chains.note(key, chainOf(7, 1, 2), kept);
  await chains.stored();
  const whole = (await disk.readFile(fileName)) as Uint8Array;
  for (let at = 0; at < whole.length; at += 1) {
    const file = await disk.open(fileName, { create: false });
    await file.truncate(0);
    const spoiled = whole.slice();
    spoiled[at] = (spoiled[at] as number) ^ 1;
    await file.append([spoiled]);
    await file.close();
    expect((await open()).find(key)).toBeUndefined();
  }
  expect(log.withLevel("warn").length).toBe(whole.length);
});

test("chains of topics that are gone are kept up to a bound", async () => {
  const chains = await onDisk().open();
  for (let index = 0; index < 5; index += 1) {
    chains.note(`chains/topic/${index}`, chainOf(1, 1), kept);
  }
  chains.keepOnly((one) => one === "chains/topic/4", 2);
  const left = [0, 1, 2, 3, 4].filter((index) => chains.find(`chains/topic/${index}`));
  expect(left).toEqual([0, 1, 4]);
});
