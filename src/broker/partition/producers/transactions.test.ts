import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, batchOf, openWorld, readRecords } from "../../../../test/support/log-directory.ts";
import {
  allCommitted,
  summarize,
  TransactionalProducer,
} from "../../../../test/support/transactional-producer.ts";
import { XylemError } from "../../../base/errors.ts";
import { TransactionIndex } from "../../../log/transaction-index.ts";
import type { Partition } from "../partition.ts";

const codeOf = (code: string): Error => expect.objectContaining({ code }) as Error;
const smallSegments = { "internal.segment.bytes": 600, "index.interval.bytes": 100 };

async function expectTrue(partition: Partition): Promise<void> {
  const told = await summarize(partition);
  expect(partition.lastStable).toBe(told.lastStable);
  const found = await partition.abortedTransactions(0, partition.end);
  expect(found).toMatchObject(told.aborted);
  const middle = Math.floor(partition.end / 2);
  const overlapping = await partition.abortedTransactions(middle, middle + 3);
  expect(overlapping.map(({ lastOffset }) => lastOffset)).toEqual(
    told.aborted
      .filter((entry) => entry.lastOffset >= middle && entry.firstOffset < middle + 3)
      .map(({ lastOffset }) => lastOffset),
  );
}

describe("the last stable offset", () => {
  test("is the first offset of the oldest open transaction", async () => {
    const log = await (await openWorld(new SimulatedDisk())).open();
    const [one, other] = [new TransactionalProducer(1), new TransactionalProducer(2)];
    await append(log, ["plain"]);
    one.send(log, ["a", "b"]);
    other.send(log, ["c"]);
    one.send(log, ["d"]);
    await allCommitted(log);
    expect([log.lastStable, log.committed]).toEqual([1, 5]);
    one.end(log, "commit");
    await allCommitted(log);
    expect(log.lastStable).toBe(3);
    other.end(log, "abort");
    await allCommitted(log);
    expect([log.lastStable, log.committed]).toEqual([7, 7]);
    expect(await log.abortedTransactions(0, 7)).toEqual([
      { producerId: 2, firstOffset: 3, lastOffset: 6, lastStableOffset: 7 },
    ]);
  });

  test("does not pass a transaction whose marker is not committed", async () => {
    const disk = new SimulatedDisk();
    const log = await (await openWorld(disk)).open();
    const producer = new TransactionalProducer(1);
    producer.send(log, ["a"]);
    await allCommitted(log);
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    disk.fault = (operation) => (operation === "sync" ? gate : undefined);
    producer.end(log, "commit");
    const waiting = allCommitted(log);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    expect([log.lastStable, log.committed, log.end]).toEqual([0, 1, 2]);
    open();
    await waiting;
    expect(log.lastStable).toBe(2);
  });

  test("does not lie below the log start", async () => {
    const log = await (await openWorld(new SimulatedDisk())).open();
    new TransactionalProducer(1).send(log, ["a", "b"]);
    await append(log, ["c"]);
    await log.deleteRecordsBefore(1);
    expect(log.lastStable).toBe(1);
  });

  test("stands where it stood when a full disk took a transaction back", async () => {
    const disk = new SimulatedDisk();
    const log = await (await openWorld(disk)).open();
    const [one, other] = [new TransactionalProducer(1), new TransactionalProducer(2)];
    one.send(log, ["a"]);
    await allCommitted(log);
    disk.fault = (operation) => {
      if (operation === "append") throw new XylemError("DISK_FULL", "no space");
    };
    other.send(log, ["b"]);
    one.end(log, "abort");
    await expect(allCommitted(log)).rejects.toThrow("no space");
    disk.fault = () => undefined;
    expect([log.end, log.lastStable]).toEqual([1, 0]);
    expect(await log.abortedTransactions(0, 9)).toEqual([]);
    one.end(log, "abort");
    await append(log, ["c"]);
    await expectTrue(log);
    expect(log.lastStable).toBe(3);
  });
});

describe("what may be appended", () => {
  test("begins a transaction only where its coordinator knows of it", async () => {
    const log = await (await openWorld(new SimulatedDisk())).open();
    const fields = { producerId: 1, producerEpoch: 0, isTransactional: true };
    const first = batchOf(["a"], { ...fields, baseSequence: 0 });
    expect(() => log.append(first, { origin: "client" })).toThrow(codeOf("INVALID_TXN_STATE"));
    const again = batchOf(["a"], { ...fields, baseSequence: 0 });
    log.append(again, { origin: "client", isTransactionKnown: true });
    const next = batchOf(["b"], { ...fields, baseSequence: 1 });
    expect(log.append(next, { origin: "client" }).baseOffset).toBe(1);
    const plain = batchOf(["c"], { ...fields, isTransactional: false, baseSequence: 2 });
    expect(() => log.append(plain, { origin: "client" })).toThrow(codeOf("INVALID_TXN_STATE"));
  });

  test("of markers has no old producer epoch and no old coordinator epoch", async () => {
    const log = await (await openWorld(new SimulatedDisk())).open();
    const producer = new TransactionalProducer(1, 4);
    producer.send(log, ["a"]);
    const end = { type: "commit", producerId: 1, coordinatorEpoch: 3 } as const;
    const marked = (producerEpoch: number, transactionVersion: number, coordinatorEpoch = 3) =>
      log.endTransaction({ ...end, producerEpoch, transactionVersion, coordinatorEpoch });
    expect(() => marked(3, 1)).toThrow(codeOf("INVALID_PRODUCER_EPOCH"));
    expect(() => marked(4, 2)).toThrow(codeOf("INVALID_PRODUCER_EPOCH"));
    expect(marked(5, 2).baseOffset).toBe(1);
    expect(marked(5, 2).baseOffset).toBe(2);
    expect(() => marked(5, 2, 2)).toThrow(codeOf("TRANSACTION_COORDINATOR_FENCED"));
    expect([...log.producers()]).toMatchObject([{ epoch: 5, coordinatorEpoch: 3, batches: [] }]);
  });

  test("is bounded in open transactions, which are never forgotten", async () => {
    const settings = { "producers.max.per.partition": 2 };
    const world = await openWorld(new SimulatedDisk(), { settings });
    const log = await world.open("orders", { "retention.ms": -1 });
    const [one, two] = [new TransactionalProducer(1), new TransactionalProducer(2)];
    one.send(log, ["a"]);
    two.send(log, ["b"]);
    const third = new TransactionalProducer(3);
    expect(() => third.send(log, ["c"])).toThrow(codeOf("THROTTLING_QUOTA_EXCEEDED"));
    await append(log, ["d"], { producerId: 4, producerEpoch: 0, baseSequence: 0 });
    await world.clock.advance(10 * 86_400_000);
    await log.applyRetention(world.clock.nowMs());
    expect([...log.producers()].map(({ producerId }) => producerId)).toEqual([1, 2]);
    two.end(log, "commit");
    third.send(log, ["c"]);
    await allCommitted(log);
    expect(log.lastStable).toBe(0);
  });
});

describe("aborted transactions", () => {
  test.each(["lost", "lost, and others read first", "spoiled"])(
    "are found again when their file was %s",
    async (how) => {
      const isLost = how !== "spoiled";
      const disk = new SimulatedDisk();
      const world = await openWorld(disk);
      const log = await world.open("orders", smallSegments);
      const producers = [1, 2, 3].map((id) => new TransactionalProducer(id));
      for (let round = 0; round < 12; round += 1) {
        for (const producer of producers) producer.send(log, [`round ${round}`]);
        for (const [at, producer] of producers.entries()) {
          producer.end(log, at === round % 3 ? "commit" : "abort");
        }
        await allCommitted(log);
      }
      await world.directory.close();
      const names = (await disk.list("orders-0")).map(({ name }) => name).sort();
      const spoiled = names.filter((name) => name.endsWith(".txnindex"));
      expect(spoiled.length).toBeGreaterThan(3);
      const intact = spoiled.map((name) => disk.peek(`orders-0/${name}`));
      for (const name of spoiled) {
        if (!isLost) disk.poke(`orders-0/${name}`, new Uint8Array(33).fill(7));
        else {
          await disk.remove(`orders-0/${name}`);
          await disk.remove(`orders-0/${name.replace(".txnindex", ".index")}`);
        }
      }
      if (how === "lost, and others read first") {
        const other = await (await openWorld(disk)).open("orders", smallSegments);
        await readRecords(other, 0);
        await other.close();
      }
      const again = await (await openWorld(disk)).open("orders", smallSegments);
      await expectTrue(again);
      await again.close();
      expect(spoiled.map((name) => disk.peek(`orders-0/${name}`))).toEqual(intact);
    },
  );

  test("and the last stable offset are the same after any stop", async () => {
    const seeds = fc.integer({ min: 1, max: 1_000_000 });
    const stops = fc.array(fc.constantFrom("close", "kill", "powerCut"), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(seeds, stops, (seed, plan) => playTransactions(seed, plan)),
      { numRuns: 100 },
    );
  }, 60_000);
});

/** Appends at random, stops as planned, and looks after each start. */
async function playTransactions(seed: number, stops: readonly string[]): Promise<void> {
  const random = new SeededRandom(seed);
  const below = (limit: number): number => random.nextUint32() % limit;
  const settings = { ...smallSegments, "internal.segment.bytes": seed % 2 === 0 ? 600 : 4_000 };
  let disk = new SimulatedDisk();
  let world = await openWorld(disk, { seed });
  let log = await world.open("orders", settings);
  const producers = [1, 2, 3, 4].map((id) => new TransactionalProducer(id));
  for (const stop of [...stops, "close"]) {
    for (let left = below(30); left >= 0; left -= 1) {
      const producer = producers[below(producers.length)] as TransactionalProducer;
      const action = below(8);
      if (action < 4)
        producer.send(
          log,
          Array.from({ length: 1 + below(3) }, () => "x"),
        );
      else if (action < 6) producer.end(log, action === 4 ? "abort" : "commit");
      else if (action === 6) log.append(batchOf(["plain"]), { origin: "client" });
      else await world.directory.checkpoint();
      if (below(3) === 0) await allCommitted(log);
    }
    if (stop === "close") await world.directory.close();
    disk = stop === "powerCut" ? disk.afterPowerCut(random) : disk.afterKill();
    world = await openWorld(disk, { seed });
    log = await world.open("orders", settings);
    for (const producer of producers) producer.resume(log);
    await expectTrue(log);
  }
  await checkFiles(disk);
}

/** No file holds an entry that its segment does not have. */
async function checkFiles(disk: SimulatedDisk): Promise<void> {
  for (const { name } of await disk.list("orders-0")) {
    if (!name.endsWith(".txnindex")) continue;
    const bounds = { baseOffset: Number(name.slice(0, 20)), endOffset: Infinity };
    const parsed = TransactionIndex.parse(disk.peek(`orders-0/${name}`), bounds);
    expect(parsed.isWhole).toBe(true);
  }
}
