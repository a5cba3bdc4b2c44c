import { expect, test } from "vitest";
import {
  batchOf,
  openWorld,
  runPass,
  type LogWorld,
} from "../../../../test/support/log-directory.ts";
import { appendHeld, held, openGoverned } from "../../../../test/support/replicas.ts";
import { TransactionalProducer } from "../../../../test/support/transactional-producer.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { parseOffsetCheckpoint } from "../../../log/text-checkpoint.ts";
import { decodeRecords } from "../../../protocol/record.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { tools, readBytes } from "../../../../test/support/log-directory.ts";
import { recordBatches } from "../../../protocol/record-batch.ts";
import type { Replica } from "./replica.ts";

const settings = {
  "cleanup.policy": ["compact"],
  "internal.segment.bytes": 300,
  "min.cleanable.dirty.ratio": 0,
} as const;

/** Key `k` at 0, others, and `k` again at 12: all committed, all but the end compacted. */
async function compactable() {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const { replica } = await openGoverned(world, settings);
  for (let offset = 0; offset < 16; offset += 1) {
    const key = offset % 12 === 0 ? "k" : `key ${offset}`;
    await appendHeld(replica, [`v${offset}`], { key });
  }
  replica.commit(16);
  return { disk, world, replica };
}

async function offsetsOf(replica: Replica, key: string): Promise<number[]> {
  const bytes = await readBytes(replica.log, replica.logStart);
  const records = [...recordBatches(bytes)].flatMap((batch) =>
    decodeRecords(batch, { ...tools, sizeBytesMax: 10_000 }),
  );
  const ofKey = records.filter((record) => Buffer.from(record.key ?? []).toString() === key);
  return ofKey.map(({ offset }) => offset);
}

async function settle(world: LogWorld, work: Promise<unknown>): Promise<void> {
  let isDone = false;
  const done = work.finally(() => (isDone = true));
  while (!isDone) {
    await world.clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
}

test("a pass under way gives way: what it took for newer is about to go", async () => {
  for (let turns = 0; turns < 40; turns += 3) {
    const { world, replica } = await compactable();
    const { compaction } = replica.log;
    const pass = compaction.run();
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    const wasRunning = compaction.isRunning;
    await settle(world, Promise.all([replica.truncate(8), pass]));
    expect([wasRunning, await pass]).toEqual([true, undefined]);
    expect(await offsetsOf(replica, "k")).toEqual([0]);
    await runPass(replica.log, world.clock);
    expect(await offsetsOf(replica, "k")).toEqual([0]);
  }
});

test("a batch behind a gap that compaction left is sound where a cut log ends", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const { replica } = await openGoverned(world, settings);
  for (let offset = 0; offset < 16; offset += 1) {
    await appendHeld(replica, [`v${offset}`], { key: offset < 3 ? "k" : `key ${offset}` });
  }
  replica.commit(16);
  await runPass(replica.log, world.clock);
  await replica.truncate(3);
  expect([replica.end, replica.unsoundFrom]).toEqual([3, undefined]);
  expect(await offsetsOf(replica, "k")).toEqual([2]);
  const again = await openGoverned(await openWorld(disk.afterKill()), settings);
  expect([again.replica.end, again.replica.unsoundFrom]).toEqual([3, undefined]);
  again.replica.commit(3);
  expect(await offsetsOf(again.replica, "k")).toEqual([2]);
});

test("so is a copied one in the last segment", async () => {
  const bases = [0, 3, 4, 7, 8];
  const batches = bases.map((base) => batchOf(["v"], { baseOffset: base, key: `${base}` }));
  for (const end of [4, 5, 8]) {
    const disk = new SimulatedDisk();
    const roomy = { ...settings, "internal.segment.bytes": 10_000 };
    const { replica } = await openGoverned(await openWorld(disk), roomy);
    replica.beginEpoch(1);
    replica.appendReplicated(joinBytes(batches), 9);
    await held(replica);
    await replica.truncate(end);
    expect([replica.end, replica.unsoundFrom]).toEqual([end, undefined]);
    const { replica: again } = await openGoverned(await openWorld(disk.afterKill()), roomy);
    expect([again.end, again.unsoundFrom]).toEqual([end, undefined]);
  }
});

test("what comes in the place of compacted records is compacted in its turn", async () => {
  const { disk, world, replica } = await compactable();
  await runPass(replica.log, world.clock);
  const cleaned = (): number | undefined =>
    parseOffsetCheckpoint(Buffer.from(disk.peek("cleaner-offset-checkpoint")).toString()).get(
      "orders-0",
    );
  expect(cleaned()).toBeGreaterThan(4);
  await replica.truncate(4);
  expect(cleaned()).toBe(4);
  for (let offset = 4; offset < 16; offset += 1) {
    await appendHeld(replica, [`v${offset}`], { key: "same" });
  }
  replica.commit(16);
  await runPass(replica.log, world.clock);
  expect((await offsetsOf(replica, "same")).length).toBeLessThan(8);
});

// A snapshot lies within what is left, or at its end; it says nothing of what was aborted.
test.each([
  ["the last segment", 0],
  ["the last segment", 1],
  ["a closed segment", 0],
  ["a closed segment", 1],
] as const)("transactions are aborted still in %s that is cut %i behind", async (where, behind) => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const { replica: before } = await openGoverned(world, { "cleanup.policy": ["compact"] });
  const producer = new TransactionalProducer(7);
  producer.send(before.log, ["aborted"], "k");
  producer.end(before.log, "abort");
  await held(before);
  before.commit(2);
  await world.directory.close();
  const left = await openWorld(disk);
  const { replica } = await openGoverned(left, { "cleanup.policy": ["compact"] });
  const aborted = async (): Promise<number> =>
    (await replica.log.abortedTransactions(0, 2 + behind)).length;
  for (const value of ["b", "c", "d"].slice(0, behind + 1)) {
    await appendHeld(replica, [value], { key: value });
  }
  expect(await aborted()).toBe(1);
  if (where === "a closed segment") await replica.log.roll();
  const meanwhile: Promise<number>[] = [];
  let isDone = false;
  const cut = replica.truncate(2 + behind).finally(() => (isDone = true));
  while (!isDone) {
    meanwhile.push(aborted());
    await Promise.resolve();
  }
  await cut;
  expect(new Set(await Promise.all(meanwhile))).toEqual(new Set([1]));
  expect([replica.end, await aborted()]).toEqual([2 + behind, 1]);
  await left.directory.close();
  const again = await openGoverned(await openWorld(disk), { "cleanup.policy": ["compact"] });
  expect(await again.replica.log.abortedTransactions(0, 2 + behind)).toHaveLength(1);
});
