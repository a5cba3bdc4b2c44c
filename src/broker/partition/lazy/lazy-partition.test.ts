import { describe, expect, test } from "vitest";
import { openLazyWorld } from "../../../../test/support/lazy-storage.ts";
import { append, batchOf, readValues, topicId } from "../../../../test/support/log-directory.ts";
import { KeptLog } from "../../../../test/support/kept-log.ts";
import { XylemError } from "../../../base/errors.ts";
import type { VirtualClock } from "../../../base/virtual-clock.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const key = { name: "orders", id: topicId };
const producer = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
const ioError = new XylemError("KAFKA_STORAGE_ERROR", "reading: i/o error");
const codeOf = (code: string): Error => expect.objectContaining({ code }) as Error;
const idleMs = 300_000;

/** Two records of a producer, after a stop in order. */
async function stopped(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const { storage, find } = await openLazyWorld(disk);
  const partition = await find();
  await append(partition, ["one", "two"], producer);
  await storage.close();
  return disk;
}

/** Notes what is done below the partition's folder. */
function watch(disk: SimulatedDisk): string[] {
  const seen: string[] = [];
  disk.fault = (operation, path) => {
    if (path.startsWith("orders-0")) seen.push(operation);
  };
  return seen;
}

describe("after a stop in order", () => {
  test("a partition is known without its files, until somebody reads it", async () => {
    const disk = await stopped();
    const seen = watch(disk);
    const partition = await (await openLazyWorld(disk)).find();
    const { logStart, end, committed, lastStable, leaderEpoch, sizeBytes } = partition;
    expect([logStart, end, committed, lastStable, leaderEpoch]).toEqual([0, 2, 2, 2, 0]);
    expect(partition.load("facts")).toBeUndefined();
    expect(partition.epochAt(0)).toBe(0);
    expect(seen).toEqual([]);
    await partition.load();
    expect(seen).toContain("list");
    expect(partition.load()).toBeUndefined();
    expect([partition.end, partition.sizeBytes]).toEqual([2, sizeBytes]);
    expect(await readValues(partition)).toEqual(["one", "two"]);
  });

  test("one that was never written to is open at once", async () => {
    const { find, storage } = await openLazyWorld(new SimulatedDisk());
    const partition = await find();
    expect(partition.load()).toBeUndefined();
    partition.append(batchOf(["one"]), { origin: "client" });
    expect(partition.end).toBe(1);
    await storage.close();
  });

  test("uses that come at once open it once", async () => {
    const disk = await stopped();
    const seen = watch(disk);
    const partition = await (await openLazyWorld(disk)).find();
    await Promise.all([partition.load(), partition.load(), partition.findMaxTimestamp()]);
    expect(seen.filter((operation) => operation === "list")).toHaveLength(1);
  });

  test("one whose folder is gone is told of, and starts empty", async () => {
    const disk = await stopped();
    await disk.removeDirectory("orders-0");
    const log = new KeptLog();
    const partition = await (await openLazyWorld(disk, { log })).find();
    expect([partition.end, log.withLevel("error")]).toMatchObject([
      0,
      [{ fields: { endOffset: 2 } }],
    ]);
  });

  test("facts that rotted, or that Kafka's stop came after, are not believed", async () => {
    const spoils = [
      (disk: SimulatedDisk) => {
        const bytes = disk.peek("partition-facts-checkpoint").slice();
        bytes[bytes.length - 1]! ^= 1;
        disk.poke("partition-facts-checkpoint", bytes);
      },
      (disk: SimulatedDisk) => {
        const marker = '{"version":0,"brokerEpoch":12}';
        disk.poke(".kafka_cleanshutdown", new TextEncoder().encode(marker));
      },
    ];
    for (const spoil of spoils) {
      const disk = await stopped();
      spoil(disk);
      const partition = await (await openLazyWorld(disk)).find();
      expect(partition.facts).toBeUndefined();
      expect(partition.leaderEpoch).toBe(-1);
      await partition.load("facts");
      expect([partition.end, partition.leaderEpoch]).toEqual([2, 0]);
    }
  });
});

describe("a partition that does not open", () => {
  test("says so to all who wait, to appends too, and opens when asked again", async () => {
    const disk = await stopped();
    const partition = await (await openLazyWorld(disk)).find();
    disk.fault = (operation, path) => {
      if (operation === "list" && path === "orders-0") throw ioError;
    };
    const loads = await Promise.allSettled([partition.load(), partition.load("files")]);
    expect(loads.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(() => partition.append(batchOf(["three"]), { origin: "client" })).toThrow(ioError);
    disk.fault = () => undefined;
    expect(await partition.findMaxTimestamp()).toMatchObject({ offset: 0 });
    expect(await append(partition, ["three"])).toBe(2);
  });

  test("keeps its stop from being a clean one", async () => {
    const disk = await stopped();
    const { storage, find } = await openLazyWorld(disk);
    const partition = await find();
    disk.fault = (operation, path) => {
      if (operation === "list" && path === "orders-0") throw ioError;
    };
    await expect(partition.load()).rejects.toThrow("i/o error");
    disk.fault = () => undefined;
    await storage.close();
    expect((await openLazyWorld(disk)).directory.wasClean).toBe(false);
  });
});

describe("while a partition opens", () => {
  /** Holds the folder's listing until the answer is called. */
  function holdList(disk: SimulatedDisk): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.fault = (operation, path) => {
      return operation === "list" && path === "orders-0" ? promise : undefined;
    };
    return () => {
      disk.fault = () => undefined;
      resolve();
    };
  }

  test("its removal waits, and its files are gone afterwards", async () => {
    const disk = await stopped();
    const { storage, find } = await openLazyWorld(disk);
    const partition = await find();
    const release = holdList(disk);
    const loading = partition.load();
    const removing = storage.removePartition(key, 0);
    release();
    await Promise.all([loading, removing]);
    await expect(partition.findMaxTimestamp()).rejects.toThrow(codeOf("NOT_LEADER_OR_FOLLOWER"));
    const again = await find();
    expect([again.end, await append(again, ["anew"])]).toEqual([0, 0]);
  });

  test("a stop waits, is a clean one, and lets nothing open afterwards", async () => {
    const disk = await stopped();
    const { storage, find } = await openLazyWorld(disk);
    const [partition, other] = [await find(), await find("others")];
    const release = holdList(disk);
    const loading = partition.load();
    const closing = storage.close();
    release();
    await Promise.all([loading, closing]);
    await expect(other.load()).rejects.toThrow(codeOf("NOT_LEADER_OR_FOLLOWER"));
    const next = await openLazyWorld(disk);
    expect(next.directory.wasClean).toBe(true);
    expect((await next.find()).end).toBe(2);
  });
});

describe("a partition that nobody uses", () => {
  test("is shut after a while, and loses nothing of what it knew", async () => {
    const disk = await stopped();
    const { clock, find } = await openLazyWorld(disk);
    const partition = await find();
    await partition.load();
    await append(partition, ["three"], { ...producer, baseSequence: 2 });
    expect(partition.opened).toBeDefined();
    await rest(clock);
    expect(partition.opened).toBeUndefined();
    expect([partition.end, partition.committed]).toEqual([3, 3]);
    await partition.load();
    const again = batchOf(["three"], { ...producer, baseSequence: 2 });
    expect(partition.append(again, { origin: "client" }).isDuplicate).toBe(true);
    expect(await readValues(partition)).toEqual(["one", "two", "three"]);
  });

  test("is shut without a write when nothing was appended", async () => {
    const disk = await stopped();
    const { clock, find } = await openLazyWorld(disk);
    const partition = await find();
    await partition.load();
    const seen = watch(disk);
    await rest(clock);
    expect(partition.opened).toBeUndefined();
    expect(seen.filter((operation) => operation !== "close")).toEqual([]);
  });

  test("stays open while somebody waits for it or reads from it", async () => {
    const disk = await stopped();
    const { clock, find } = await openLazyWorld(disk);
    const partition = await find();
    const told: number[] = [];
    const unsubscribe = partition.onAdvance(() => told.push(partition.end));
    await partition.load();
    await rest(clock);
    expect(partition.opened).toBeDefined();
    await append(partition, ["three"]);
    expect(told).toEqual([3]);
    unsubscribe();
    await rest(clock);
    expect(partition.opened).toBeUndefined();
  });

  test("is shut though a patient one waits, who is told of what comes afterwards", async () => {
    const disk = await stopped();
    const { clock, find } = await openLazyWorld(disk);
    const partition = await find();
    const told: number[] = [];
    const note = (): void => void told.push(partition.end);
    const unsubscribe = partition.onAdvance(Object.assign(note, { isPatient: true } as const));
    for (const value of ["three", "four"]) {
      await partition.load();
      await append(partition, [value]);
      await rest(clock);
      expect(partition.opened).toBeUndefined();
    }
    expect(told).toEqual([3, 4]);
    unsubscribe();
    await partition.load();
    await append(partition, ["five"]);
    expect(told).toEqual([3, 4]);
  });

  test("that stops when it is shut stays stopped", async () => {
    const disk = new SimulatedDisk();
    const { clock, find, storage } = await openLazyWorld(disk);
    const partition = await find("orders", { durability: "os" });
    partition.append(batchOf(["one"]), { origin: "client" });
    disk.fault = (operation, path) => {
      if (operation === "sync" && path.startsWith("orders-0")) throw ioError;
    };
    await rest(clock);
    disk.fault = () => undefined;
    expect(partition.stopped).toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
    expect(() => partition.append(batchOf(["two"]), { origin: "client" })).toThrow("i/o error");
    await storage.close();
    expect((await openLazyWorld(disk)).directory.wasClean).toBe(false);
  });
});

/** Long enough for an idle partition to be shut. Work in the background needs turns as well. */
async function rest(clock: VirtualClock): Promise<void> {
  for (const delayMs of [idleMs, 1_000, idleMs, 1_000]) {
    await clock.advance(delayMs);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}
