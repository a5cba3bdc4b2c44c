import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, batchOf, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";

const full = new XylemError("DISK_FULL", "writing: the disk is full");
const ioError = new XylemError("KAFKA_STORAGE_ERROR", "syncing: i/o error");
const secondLog = "00000000000000000001.log";
const client = { origin: "client" } as const;
const laterTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

function gate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

async function hasSecond(disk: SimulatedDisk): Promise<boolean> {
  return (await disk.list("orders-0")).some(({ name }) => name === secondLog);
}

describe("a new segment", () => {
  test("takes nothing before the old one is flushed: a power cut leaves no hole", async () => {
    const disk = new SimulatedDisk();
    const partition = await (
      await openWorld(disk)
    ).open("orders", {
      "internal.segment.bytes": 400_000,
    });
    const flush = gate();
    disk.fault = (operation, path) =>
      operation === "sync" && path.endsWith(".log") ? flush.passed : undefined;
    // So large that they are not held back for the flush's own sake.
    const large = "x".repeat(300_000);
    const waits = [append(partition, [large])];
    await laterTurn();
    waits.push(append(partition, [large]));
    await laterTurn();
    expect(await hasSecond(disk)).toBe(false);
    flush.open();
    expect(await Promise.all(waits)).toEqual([0, 1]);
    expect(await hasSecond(disk)).toBe(true);
  });

  test("being made when its partition stops, is made before the partition is closed", async () => {
    const disk = new SimulatedDisk();
    const settings = {
      "internal.segment.bytes": 100,
      durability: "os",
      "flush.messages": 1,
    } as const;
    const partition = await (await openWorld(disk)).open("orders", settings);
    const flush = gate();
    const making = gate();
    disk.fault = async (operation, path) => {
      if (operation === "open" && path.endsWith(secondLog)) await making.passed;
      if (operation !== "sync" || !path.endsWith(".log")) return;
      await flush.passed;
      throw ioError;
    };
    await append(partition, ["first"]);
    partition.append(batchOf(["second"]), client);
    await laterTurn();
    flush.open();
    await laterTurn();
    expect(partition.stopped?.code).toBe("KAFKA_STORAGE_ERROR");
    let isClosed = false;
    const closing = partition.close().then(() => (isClosed = true));
    await laterTurn();
    expect(isClosed).toBe(false);
    making.open();
    await closing;
  });
});

describe("indexes that a full disk left short at a roll", () => {
  const settings = { "internal.segment.bytes": 100 };

  async function rolledWhenFull(): Promise<{
    disk: SimulatedDisk;
    checkpoint: () => Promise<void>;
  }> {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", settings);
    await append(partition, ["early"], { timestampMs: 1_000 });
    disk.fault = (operation, path) => {
      if (operation === "append" && path.endsWith(".timeindex")) throw full;
    };
    await append(partition, ["late"], { timestampMs: 2_000 });
    return { disk, checkpoint: () => world.directory.checkpoint() };
  }

  async function expectFound(disk: SimulatedDisk): Promise<void> {
    const partition = await (await openWorld(disk)).open("orders", settings);
    expect(await partition.findByTimestamp(500, 2)).toMatchObject({ offset: 0 });
    expect(await readValues(partition)).toEqual(["early", "late"]);
  }

  test("are made again after a kill", async () => {
    const { disk, checkpoint } = await rolledWhenFull();
    await checkpoint();
    disk.fault = () => undefined;
    await expectFound(disk.afterKill());
  });

  test("are written with the next checkpoint that finds room", async () => {
    const { disk, checkpoint } = await rolledWhenFull();
    disk.fault = () => undefined;
    await checkpoint();
    expect(disk.peek("orders-0/00000000000000000000.timeindex").length).toBe(12);
    await expectFound(disk.afterKill());
  });
});

describe("the indexes of a closed segment", () => {
  test("hold up no append, and no start trusts them before they are on the disk", async () => {
    const disk = new SimulatedDisk();
    const sealing = gate();
    disk.fault = (operation, path) =>
      operation === "sync" && path.endsWith("index") ? sealing.passed : undefined;
    const world = await openWorld(disk);
    const settings = { "internal.segment.bytes": 150 };
    const partition = await world.open("orders", settings);
    for (const value of ["a", "b", "c"]) await append(partition, [value]);
    expect((await disk.list("orders-0")).filter(({ name }) => name.endsWith(".log"))).toHaveLength(
      2,
    );
    expect(partition.recoveryPoint).toBe(0);

    const cut = disk.afterPowerCut(new SeededRandom(7));
    const recovered = await (await openWorld(cut)).open("orders", settings);
    expect(await readValues(recovered)).toEqual(["a", "b", "c"]);

    sealing.open();
    await laterTurn();
    expect(partition.recoveryPoint).toBeGreaterThan(0);
    for (const value of ["d", "e", "f"]) await append(partition, [value]);
    await world.directory.close();
    const reopened = await (await openWorld(disk.afterKill())).open("orders", settings);
    expect(await readValues(reopened)).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("are not left behind when the segment is removed while they are written", async () => {
    const disk = new SimulatedDisk();
    const sealing = gate();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { "internal.segment.bytes": 100 });
    disk.fault = (operation, path) =>
      operation === "sync" && path.endsWith("index") ? sealing.passed : undefined;
    for (const value of ["a", "b"]) await append(partition, [value]);
    const deleting = partition.deleteRecordsBefore(1);
    await laterTurn();
    sealing.open();
    await deleting;
    const names = (await disk.list("orders-0")).map(({ name }) => name);
    const first = names.filter((name) => name.startsWith("00000000000000000000."));
    expect(first.every((name) => name.endsWith(".deleted"))).toBe(true);
    expect(first.length).toBeGreaterThan(1);
    await world.directory.close();
  });

  test("have durable names before a start passes them by", async () => {
    const disk = new SimulatedDisk();
    const settings = { "segment.records": 1 };
    const world = await openWorld(disk);
    await append(await world.open("orders", settings), ["one"]);
    await world.directory.checkpoint();
    await disk.syncDirectory("orders-0");
    // The indexes of what was appended to are made anew after a start.
    const killed = disk.afterKill();
    const again = await openWorld(killed);
    const sealing = gate();
    killed.fault = (operation, path) =>
      operation === "remove" && path.endsWith("0.timeindex") ? sealing.passed : undefined;
    await append(await again.open("orders", settings), ["two"]);
    sealing.open();
    await laterTurn();
    await again.directory.checkpoint();
    for (let seed = 1; seed <= 20; seed += 1) {
      const left = killed.afterPowerCut(new SeededRandom(seed));
      await (await openWorld(left)).open("orders", settings);
      expect(left.peek("orders-0/00000000000000000000.timeindex")).toHaveLength(12);
    }
  });
});
