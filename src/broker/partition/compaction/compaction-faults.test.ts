import { describe, expect, test } from "vitest";
import { KeptLog } from "../../../../test/support/kept-log.ts";
import { KeyedHistory, readKeyed } from "../../../../test/support/keyed-history.ts";
import { fromDisk, openWorld, runPass } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { SimulatedDisk, type DiskOperation } from "../../../simulation/simulated-disk.ts";
import type { Partition } from "../partition.ts";

const settings = { "cleanup.policy": ["compact"], "internal.segment.bytes": 600 } as const;

async function openDirty() {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings: fromDisk });
  const partition = await world.open("orders", settings);
  const history = new KeyedHistory();
  const plain = { isTombstone: false, ends: "plain", codec: "none" } as const;
  for (let index = 0; index < 20; index += 1) {
    await history.write(partition, { keys: [index % 3, index % 2], ...plain });
  }
  return { disk, world, partition, history };
}

/** Fails the first operation of that kind on a path that holds `part`. */
function failOnce(
  disk: SimulatedDisk,
  kind: DiskOperation,
  part: string,
  code: "DISK_FULL" | "KAFKA_STORAGE_ERROR" = "KAFKA_STORAGE_ERROR",
): void {
  disk.fault = (operation, path) => {
    if (operation !== kind || !path.includes(part)) return;
    disk.fault = () => undefined;
    throw new XylemError(code, "planted");
  };
}

function lastValues(records: Awaited<ReturnType<typeof readKeyed>>): Map<string, string | null> {
  return new Map(records.map(({ key, value }) => [key, value]));
}

async function namesLeft(disk: SimulatedDisk): Promise<string[]> {
  const names = (await disk.list("orders-0")).map(({ name }) => name);
  return names.filter((name) => /\.(cleaned|swap)$/.test(name));
}

async function expectUsable(partition: Partition, history: KeyedHistory): Promise<void> {
  expect(partition.stopped).toBeUndefined();
  expect(lastValues(await readKeyed(partition))).toEqual(lastValues(history.records));
}

describe("a pass that fails", () => {
  test.each(["append", "sync", "open"] as const)(
    "at the %s of a new segment leaves the old ones, and the next pass works",
    async (kind) => {
      const { disk, world, partition, history } = await openDirty();
      failOnce(disk, kind, ".cleaned", "DISK_FULL");
      await expect(runPass(partition, world.clock)).rejects.toThrow("planted");
      await expectUsable(partition, history);
      expect(await namesLeft(disk)).toEqual([]);
      expect((await runPass(partition, world.clock))?.bytesWritten).toBeGreaterThan(0);
      await expectUsable(partition, history);
    },
  );

  test("before the old files are renamed takes its own away again", async () => {
    const { disk, world, partition, history } = await openDirty();
    failOnce(disk, "rename", ".cleaned");
    await expect(runPass(partition, world.clock)).rejects.toThrow("planted");
    await expectUsable(partition, history);
    expect(await namesLeft(disk)).toEqual([]);
  });

  test.each([".log", ".swap"])(
    "while files have two names (at %s) stops the partition; the next start finishes",
    async (part) => {
      const { disk, world, partition, history } = await openDirty();
      failOnce(disk, "rename", part === ".log" ? "0.log" : part);
      disk.fault = skipping(disk.fault, ".cleaned");
      const reading = readKeyed(partition);
      await expect(runPass(partition, world.clock)).rejects.toThrow("planted");
      await reading;
      expect(partition.stopped?.code).toBe("KAFKA_STORAGE_ERROR");
      const after = await openWorld(disk.afterKill());
      await expectUsable(await after.open("orders", settings), history);
    },
  );

  test("at damage names the place, and what is whole stays as it is", async () => {
    const { disk, world, partition } = await openDirty();
    disk.spoil("orders-0/00000000000000000000.log", 70, Uint8Array.of(255));
    await expect(runPass(partition, world.clock)).rejects.toThrow(
      "orders-0/00000000000000000000.log is damaged at byte 0",
    );
    expect(partition.stopped).toBeUndefined();
    expect(await namesLeft(disk)).toEqual([]);
  });
});

test("who reads while segments are replaced is told of no broken index", async () => {
  const log = new KeptLog();
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings: fromDisk, log });
  const partition = await world.open("orders", settings);
  const history = new KeyedHistory();
  const plain = { isTombstone: false, ends: "plain", codec: "none" } as const;
  for (let index = 0; index < 20; index += 1) {
    await history.write(partition, { keys: [index % 3, index % 2], ...plain });
  }
  const reads: Promise<unknown>[] = [];
  const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: partition.end };
  disk.fault = async (operation) => {
    if (operation !== "rename") return;
    for (let offset = 0; offset < partition.end; offset += 5) {
      reads.push(Promise.resolve(partition.read(offset, limits)));
    }
    await turns(20);
  };
  await runPass(partition, world.clock);
  disk.fault = () => undefined;
  await Promise.all(reads);
  expect(reads.length).toBeGreaterThan(0);
  expect(log.withLevel("warn")).toEqual([]);
});

test("a pass whose segments go while it waits for its turn gives way", async () => {
  const { disk, world, partition } = await openDirty();
  const bases = (await partition.retained()).map(({ baseOffset }) => baseOffset);
  const [held, ready] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const removals: Promise<number>[] = [];
  disk.fault = async (operation, path) => {
    if (operation === "read" && path.endsWith("/00000000000000000000.log")) await held.promise;
    if (operation !== "open" || !path.endsWith(".timeindex.cleaned")) return;
    if (removals.length === 1) removals.push(partition.deleteRecordsBefore(bases.at(-1) as number));
    await turns(20);
    ready.resolve();
  };
  const reading = partition.read(0, { sizeBytesMax: 1, wholeFirst: true, upTo: partition.end });
  // The first waits for the reader, the second for the first, the pass for both.
  removals.push(partition.deleteRecordsBefore(bases[1] as number));
  await turns(20);
  const pass = runPass(partition, world.clock);
  await ready.promise;
  await turns(50);
  held.resolve();
  expect(await pass).toBeUndefined();
  await Promise.all([reading, ...removals]);
  expect(await namesLeft(disk)).toEqual([]);
  expect([partition.logStart, partition.stopped]).toEqual([bases.at(-1), undefined]);
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

type Fault = SimulatedDisk["fault"];

/** A fault that leaves paths with `ending` alone. */
function skipping(fault: Fault, ending: string): Fault {
  return (operation, path) => (path.endsWith(ending) ? undefined : fault(operation, path));
}
