import { describe, expect, test } from "vitest";
import { batchOf, openWorld } from "../../../test/support/log-directory.ts";
import { XylemError } from "../../base/errors.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { Durability } from "./partition-log.ts";
import type { Partition } from "./partition.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Watched {
  readonly partition: Partition;
  readonly disk: SimulatedDisk;
  /** Appends one record; what was told of it is in `told` afterwards. */
  readonly append: (asked: Durability) => void;
  readonly told: string[];
}

async function open(durability: Durability): Promise<Watched> {
  const disk = new SimulatedDisk();
  const partition = await (await openWorld(disk)).open("orders", { durability });
  // The files are there afterwards.
  partition.append(batchOf(["first"]), { origin: "client" });
  await settle();
  partition.whenStored(1, "fsync", () => undefined);
  await settle();
  const told: string[] = [];
  const append = (asked: Durability): void => {
    const { lastOffset } = partition.append(batchOf(["x"]), { origin: "client" });
    partition.whenStored(lastOffset + 1, asked, (error) => {
      told.push(`${lastOffset} ${asked}${error === undefined ? "" : ` ${error.message}`}`);
    });
  };
  return { partition, disk, append, told };
}

/** Operations of that name wait until it is called. */
function hold(disk: SimulatedDisk, name: "append" | "sync"): () => void {
  const gate = Promise.withResolvers<void>();
  disk.fault = (operation) => (operation === name ? gate.promise : undefined);
  return () => gate.resolve();
}

async function settle(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await turn();
}

describe("what an append may wait for", () => {
  test("fsync on a topic that does not flush waits for a flush of its own", async () => {
    const { partition, disk, append, told } = await open("os");
    const release = hold(disk, "sync");
    append("fsync");
    append("os");
    await settle();
    expect(partition.committed).toBe(3);
    expect(told).toEqual(["2 os"]);
    release();
    await settle();
    expect(told).toEqual(["2 os", "1 fsync"]);
    expect(partition.flushed).toBe(3);
  });

  test("os on a topic that flushes is told before the flush, and readers are not", async () => {
    const { partition, disk, append, told } = await open("fsync");
    const release = hold(disk, "sync");
    append("os");
    append("fsync");
    await settle();
    expect(told).toEqual(["1 os"]);
    expect(partition.committed).toBe(1);
    release();
    await settle();
    expect(told).toEqual(["1 os", "2 fsync"]);
  });

  test("bytes that come while a flush is under way are covered by the next one", async () => {
    const { disk, append, told } = await open("os");
    const release = hold(disk, "sync");
    append("fsync");
    await settle();
    append("fsync");
    await settle();
    expect(told).toEqual([]);
    release();
    await settle();
    expect(told).toEqual(["1 fsync", "2 fsync"]);
  });

  test("a flush that fails is told to who waits for it", async () => {
    const { partition, disk, append, told } = await open("os");
    disk.fault = (operation) => {
      if (operation === "sync") throw new XylemError("KAFKA_STORAGE_ERROR", "no such disk");
    };
    append("fsync");
    await settle();
    expect(told).toEqual(["1 fsync no such disk"]);
    expect(partition.stopped).toBeDefined();
  });

  test("a full disk is told to who waits, and what comes later is taken", async () => {
    const { disk, append, told } = await open("fsync");
    disk.fault = (operation) => {
      if (operation === "append") throw new XylemError("DISK_FULL", "no space left");
    };
    append("os");
    append("fsync");
    await settle();
    expect(told).toEqual(["1 os no space left", "2 fsync no space left"]);
    disk.fault = () => undefined;
    append("os");
    await settle();
    expect(told.slice(2)).toEqual(["1 os"]);
  });

  test("a partition that is closed says so", async () => {
    const { partition, disk, append, told } = await open("os");
    const release = hold(disk, "append");
    append("fsync");
    const closing = partition.abandon();
    await settle();
    release();
    await closing;
    await settle();
    expect(told).toHaveLength(1);
  });
});
