import { describe, expect, test } from "vitest";
import { batchOf, committed, fromDisk, openWorld } from "../../../../test/support/log-directory.ts";
import {
  appendHeld,
  feed,
  held,
  logBytes,
  openGoverned,
  readOnce,
} from "../../../../test/support/replicas.ts";
import { TransactionalProducer } from "../../../../test/support/transactional-producer.ts";
import { XylemError } from "../../../base/errors.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Replica } from "./replica.ts";

const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;
const fromClient = { origin: "client" } as const;
const one = { sizeBytesMax: 1, wholeFirst: true, upTo: Infinity };

async function open(settings = {}, nodeSettings = {}, disk = new SimulatedDisk()) {
  const world = await openWorld(disk, { settings: nodeSettings });
  return { disk, world, ...(await openGoverned(world, settings)) };
}

/** Six records, each in an epoch of its own but the last two. */
async function sixRecords(replica: Replica): Promise<void> {
  for (const [index, value] of ["a", "b", "c", "d", "e", "f"].entries()) {
    replica.beginEpoch(Math.min(index + 1, 5));
    await appendHeld(replica, [value]);
  }
}

const layouts = { "one segment": {}, "a segment each": { "internal.segment.bytes": 100 } };

describe.each(Object.entries(layouts))("a log of %s", (_, settings) => {
  test("ends at any offset that it is cut at, now and after a start", async () => {
    for (let offset = 0; offset <= 6; offset += 1) {
      const { disk, replica } = await open(settings);
      await sixRecords(replica);
      const { bytes } = await cutBytes(replica, offset);
      await replica.truncate(offset);
      expect([replica.end, replica.held, replica.written, replica.flushed]).toEqual([
        offset,
        offset,
        offset,
        offset,
      ]);
      expect(await logBytes(replica)).toEqual(bytes);
      expect(replica.epochEnds().map(({ epoch }) => epoch)).toEqual(
        [1, 2, 3, 4, 5].slice(0, offset),
      );
      const killed = await open(settings, {}, disk.afterKill());
      expect(await logBytes(killed.replica)).toEqual(bytes);
      expect(killed.replica.epochEnds()).toEqual(replica.epochEnds());
      killed.replica.beginEpoch(9);
      expect(await appendHeld(killed.replica, ["x"])).toBe(offset);
      const again = await open(settings, {}, killed.disk.afterKill());
      expect(again.replica.epochEnds().at(-1)).toEqual({ epoch: 9, endOffset: offset + 1 });
    }
  });

  test("is then as one that never had more", async () => {
    const [source, short, long] = [
      await open(settings),
      await open(settings),
      await open(settings),
    ];
    await sixRecords(source.replica);
    for (const { replica } of [short, long]) replica.beginEpoch(5);
    const { bytes } = await readOnce(source.replica, 0, 3 * 70);
    expect(bytes.length).toBeGreaterThan(0);
    await feed(source.replica, long.replica);
    await long.replica.truncate(2);
    await feed(source.replica, long.replica, 100);
    await feed(source.replica, short.replica, 100);
    for (const end of [short, long]) await end.world.directory.close();
    const [one_, other] = [
      await open(settings, {}, short.disk),
      await open(settings, {}, long.disk),
    ];
    expect(await logBytes(other.replica)).toEqual(await logBytes(one_.replica));
    expect(other.replica.epochEnds()).toEqual(one_.replica.epochEnds());
  });
});

async function cutBytes(replica: Replica, offset: number): Promise<{ bytes: Uint8Array }> {
  const whole = await logBytes(replica);
  return { bytes: whole.slice(0, (whole.length / 6) * offset) };
}

describe("what follows from the log goes with it", () => {
  test("a log start that is about to move does not end up past the end", async () => {
    const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
    const seen = new Set<string>();
    for (let turns = 0; turns < 12; turns += 1) {
      for (const cut of ["truncate", "restartAt"] as const) {
        const { disk, replica } = await open();
        await sixRecords(replica);
        replica.commit(6);
        const cutting = replica[cut](2).catch((error: Error) => error);
        for (let passed = 0; passed < turns; passed += 1) await turn();
        const moving = replica.moveLogStart(5);
        await Promise.all([cutting, moving]);
        const bounds = [replica.logStart, replica.end];
        expect(replica.logStart).toBeLessThanOrEqual(replica.end);
        const again = await open({}, {}, disk.afterKill());
        expect([again.replica.logStart, again.replica.end]).toEqual(bounds);
        seen.add(bounds.join());
      }
    }
    expect([...seen]).toEqual(expect.arrayContaining(["0,2", "2,2"]));
  });

  test("a sequence that was cut off is taken anew, one that stays is known", async () => {
    for (const settings of [{}, { "internal.segment.bytes": 100 }]) {
      const { replica } = await open(settings);
      const send = (sequence: number): ReturnType<typeof replica.log.append> => {
        const fields = { producerId: 3, producerEpoch: 0, baseSequence: sequence };
        return replica.log.append(batchOf([`v${sequence}`], fields), fromClient);
      };
      for (let sequence = 0; sequence < 4; sequence += 1) send(sequence);
      await replica.truncate(2);
      expect(send(1)).toMatchObject({ baseOffset: 1, isDuplicate: true });
      expect(() => send(3)).toThrow(withCode("OUT_OF_ORDER_SEQUENCE_NUMBER"));
      expect(send(2)).toMatchObject({ baseOffset: 2, isDuplicate: false });
      await held(replica);
    }
  });

  test("a transaction whose marker was cut off is open again, another never began", async () => {
    for (const settings of [{}, { "internal.segment.bytes": 100 }]) {
      const { replica } = await open(settings);
      const [first, second] = [new TransactionalProducer(1), new TransactionalProducer(2)];
      first.send(replica.log, ["a"]);
      first.end(replica.log, "abort");
      first.send(replica.log, ["b"]);
      second.send(replica.log, ["c"]);
      first.end(replica.log, "abort");
      second.end(replica.log, "commit");
      await held(replica);
      await replica.truncate(3);
      replica.commit(3);
      expect([replica.committed, replica.log.lastStable]).toEqual([3, 2]);
      expect(await replica.log.abortedTransactions(0, 9)).toMatchObject([{ lastOffset: 1 }]);
      first.end(replica.log, "abort");
      await held(replica);
      replica.commit(4);
      expect(replica.log.lastStable).toBe(4);
      expect(await replica.log.abortedTransactions(0, 9)).toMatchObject([
        { lastOffset: 1 },
        { firstOffset: 2, lastOffset: 3 },
      ]);
    }
  });

  test("records that come in the place of others are found by their own times", async () => {
    const { replica } = await open({ "index.interval.bytes": 10 });
    for (let at = 0; at < 8; at += 1) await appendHeld(replica, ["x"], { timestampMs: 1e12 + at });
    await replica.truncate(4);
    for (let at = 0; at < 4; at += 1) {
      await appendHeld(replica, ["y"], { timestampMs: 1e12 + 100 * at });
    }
    replica.commit(8);
    const find = (at: number): unknown => replica.log.findByTimestamp(1e12 + at, 8);
    expect(await find(3)).toMatchObject({ offset: 3 });
    expect(await find(5)).toMatchObject({ offset: 5, timestampMs: 1e12 + 100 });
    expect(await replica.log.findMaxTimestamp()).toMatchObject({ offset: 7 });
  });

  test("who waits for what goes is told, who waits for less goes on", async () => {
    const { replica } = await open();
    await appendHeld(replica, ["a", "b"]);
    await appendHeld(replica, ["c"]);
    const [low, high] = [committed(replica.log, 2), committed(replica.log, 3)];
    high.catch(() => undefined);
    await replica.truncate(2);
    await expect(high).rejects.toThrow(withCode("NOT_LEADER_OR_FOLLOWER"));
    replica.commit(2);
    await low;
  });
});

describe("a truncation", () => {
  test("takes what is queued with it, and refuses appends meanwhile", async () => {
    const { replica } = await open();
    await appendHeld(replica, ["a"]);
    replica.log.append(batchOf(["b"]), fromClient);
    const cutting = replica.truncate(1);
    const refusal = withCode("NOT_LEADER_OR_FOLLOWER");
    expect(() => replica.log.append(batchOf(["c"]), fromClient)).toThrow(refusal);
    expect(() => replica.appendReplicated(batchOf(["c"]), 2)).toThrow(refusal);
    await cutting;
    expect([replica.end, replica.log.sizeBytes]).toEqual([1, (await logBytes(replica)).length]);
    expect(await appendHeld(replica, ["d"])).toBe(1);
  });

  test("removes a batch that it divides", async () => {
    const { replica } = await open();
    await appendHeld(replica, ["a"]);
    await appendHeld(replica, ["b", "c", "d"]);
    await replica.truncate(3);
    expect(replica.end).toBe(1);
    expect(await appendHeld(replica, ["e"])).toBe(1);
  });

  test("never goes below the log start", async () => {
    const { replica } = await open();
    await appendHeld(replica, ["a", "b", "c"]);
    replica.commit(2);
    await replica.moveLogStart(2);
    await expect(replica.truncate(1)).rejects.toThrow(withCode("OFFSET_OUT_OF_RANGE"));
    expect(replica.end).toBe(3);
  });

  test.each(["truncate", "truncateUnsound"] as const)(
    "leaves a log whose start divides a batch with nothing but its start: %s",
    async (cut) => {
      const { disk, replica } = await open();
      await appendHeld(replica, ["a", "b", "c"]);
      replica.commit(2);
      await replica.moveLogStart(2);
      await replica[cut](2);
      expect([replica.logStart, replica.begin, replica.end]).toEqual([2, 2, 2]);
      expect(await appendHeld(replica, ["d"])).toBe(2);
      const killed = await open({}, {}, disk.afterKill());
      expect([killed.replica.logStart, killed.replica.end]).toEqual([2, 3]);
    },
  );

  test("waits for who reads what goes, and who comes meanwhile reads what is left", async () => {
    const settings = { "internal.segment.bytes": 100 };
    const { disk, replica } = await open(settings, fromDisk);
    await sixRecords(replica);
    let letRead = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letRead = resolve));
    disk.fault = (operation, path) =>
      operation === "read" && path.includes("4.log") ? gate : undefined;
    const early = replica.readForSuccessor(4, one);
    let isCut = false;
    const cutting = replica.truncate(3).then(() => (isCut = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const late = replica.readForSuccessor(5, one);
    expect(isCut).toBe(false);
    disk.fault = () => undefined;
    letRead();
    expect(await early).toMatchObject({ chunks: [expect.anything()] });
    expect(await late).toMatchObject({ chunks: [] });
    await cutting;
    expect(replica.end).toBe(3);
  });

  test("leaves a fork of the log whole", async () => {
    const settings = { "internal.segment.bytes": 100 };
    const { disk, replica } = await open(settings);
    await sixRecords(replica);
    await disk.makeDirectory("kept");
    const names = [0, 1, 2, 3, 4].map((base) => `${String(base).padStart(20, "0")}.log`);
    for (const name of names) await disk.link(`orders-0/${name}`, `kept/${name}`);
    const before = names.map((name) => disk.peek(`kept/${name}`));
    await replica.truncate(2);
    await appendHeld(replica, ["other"]);
    expect(names.map((name) => disk.peek(`kept/${name}`))).toEqual(before);
  });

  test("that finds no room changes nothing", async () => {
    const { disk, replica, governor } = await open();
    await sixRecords(replica);
    const full = new XylemError("DISK_FULL", "the disk is full");
    disk.fault = (operation, path) => {
      if (operation === "open" && path.endsWith(".tmp")) throw full;
    };
    await expect(replica.truncate(2)).rejects.toThrow(full);
    disk.fault = () => undefined;
    expect([replica.end, governor.stoppedBy]).toEqual([6, undefined]);
    expect(await appendHeld(replica, ["g"])).toBe(6);
  });

  test("that fails on its way stops the replica, and the next start goes on with it", async () => {
    const { disk, replica, governor } = await open();
    await sixRecords(replica);
    const broken = new XylemError("KAFKA_STORAGE_ERROR", "i/o error");
    disk.fault = (operation) => (operation === "truncate" ? Promise.reject(broken) : undefined);
    await expect(replica.truncate(2)).rejects.toThrow(broken);
    expect(governor.stoppedBy).toBe(broken);
    const next = disk.afterKill();
    const again = await open({}, {}, next);
    expect([again.replica.end, again.replica.epochEnds().length]).toEqual([2, 2]);
    expect(next.paths()).not.toContain("orders-0/xylem-truncation");
  });

  test("whose note is spoiled opens nothing: nobody knows what is left", async () => {
    const { disk, replica } = await open();
    await sixRecords(replica);
    disk.fault = (operation) => {
      if (operation === "truncate") throw new XylemError("KAFKA_STORAGE_ERROR", "i/o error");
    };
    await expect(replica.truncate(2)).rejects.toThrow("i/o error");
    const left = disk.afterKill();
    left.spoil("orders-0/xylem-truncation", 4, new Uint8Array([0x39]));
    const world = await openWorld(left);
    await expect(world.openReplica()).rejects.toThrow(withCode("KAFKA_STORAGE_ERROR"));
  });
});

describe("a restart of the log", () => {
  test("begins it anew above or below what it was, without a trace of that", async () => {
    for (const offset of [0, 2, 100]) {
      const { disk, replica } = await open({ "internal.segment.bytes": 150 });
      await sixRecords(replica);
      replica.commit(4);
      await replica.moveLogStart(3);
      await replica.restartAt(offset);
      const bounds = ({ logStart, committed: known, held: kept, end }: Replica): number[] => [
        logStart,
        known,
        kept,
        end,
      ];
      expect(bounds(replica)).toEqual([offset, offset, offset, offset]);
      expect([replica.epochEnds(), [...replica.log.producers()]]).toEqual([[], []]);
      const killed = await open({}, {}, disk.afterKill());
      expect(bounds(killed.replica)).toEqual([offset, offset, offset, offset]);
      killed.replica.beginEpoch(1);
      expect(await appendHeld(killed.replica, ["x"])).toBe(offset);
      const again = await open({}, {}, killed.disk.afterKill());
      expect([again.replica.logStart, again.replica.end]).toEqual([offset, offset + 1]);
      expect(again.replica.epochEnds()).toEqual([{ epoch: 1, endOffset: offset + 1 }]);
    }
  });

  test("of a log that never had a record gives it its first offset", async () => {
    const { disk, replica } = await open();
    await replica.restartAt(50);
    expect(await appendHeld(replica, ["a"])).toBe(50);
    const again = await open({}, {}, disk.afterKill());
    expect([again.replica.logStart, again.replica.end]).toEqual([50, 51]);
  });
});

test("rot that is found in what stays of a log is told to its chain", async () => {
  const { disk, replica, governor } = await open({ "internal.segment.bytes": 300 });
  for (let offset = 0; offset < 12; offset += 1) await appendHeld(replica, [`v${offset}`]);
  const path = "orders-0/00000000000000000000.log";
  // In the last record of the second batch.
  const at = batchOf(["v0"]).length * 2 - 1;
  disk.spoil(path, at, Uint8Array.of((disk.peek(path)[at] ?? 0) ^ 1));
  await replica.truncate(3);
  expect([replica.end, replica.unsoundFrom]).toEqual([3, 1]);
  expect(governor.damagesTold).toBeGreaterThan(0);
});

test("what rots so that it is no batch any more goes with a cut before it", async () => {
  const { disk, replica } = await open();
  await appendHeld(replica, ["a"]);
  await appendHeld(replica, ["b"]);
  const path = "orders-0/00000000000000000000.log";
  const sizeBytes = batchOf(["a"]).length;
  // Its last offset lies before its first one.
  disk.spoil(path, sizeBytes + 23, Uint8Array.of(0x80));
  await replica.truncate(1);
  expect([replica.end, disk.peek(path).length]).toEqual([1, sizeBytes]);
  expect(await appendHeld(replica, ["c"])).toBe(1);
  expect((await logBytes(replica)).length).toBe(2 * sizeBytes);
});

test.each([
  ["a sound batch", "delete", [2]],
  ["a sound batch of a compacted topic", "compact", [2]],
  ["another one", "delete", [2, 3]],
] as const)("what is no batch any more, before a cut and %s, is damage", async (...how) => {
  const [, policy, rotten] = how;
  const { disk, replica, governor } = await open({ "cleanup.policy": [policy] });
  for (const key of ["a", "b", "c", "d"]) await appendHeld(replica, ["v"], { key });
  const path = "orders-0/00000000000000000000.log";
  const sizeBytes = disk.peek(path).length / 4;
  for (const at of rotten) disk.spoil(path, at * sizeBytes + 23, Uint8Array.of(0x80));
  // In what is no batch any more may be the record of offset 2, which was not to go.
  await replica.truncate(3);
  expect([replica.end, replica.unsoundFrom]).toEqual([3, 2]);
  expect(governor.damagesTold).toBeGreaterThan(0);
});
