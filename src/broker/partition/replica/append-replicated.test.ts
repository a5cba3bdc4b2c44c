import { describe, expect, test } from "vitest";
import { joinBytes } from "../../../base/bytes.ts";
import { XylemError } from "../../../base/errors.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { recordBatches } from "../../../protocol/record-batch.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { batchOf, fromDisk, openWorld, runPass } from "../../../../test/support/log-directory.ts";
import {
  appendHeld,
  feed,
  held,
  logBytes,
  openGoverned,
  readOnce,
} from "../../../../test/support/replicas.ts";
import { TransactionalProducer } from "../../../../test/support/transactional-producer.ts";
import type { Replica } from "./replica.ts";

const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;
const all = { sizeBytesMax: 1_000_000, wholeFirst: true, upTo: Infinity };
const idempotent = { producerId: 7, producerEpoch: 0 };

async function open(settings = {}, nodeSettings = {}) {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings: nodeSettings });
  return { disk, world, ...(await openGoverned(world, settings)) };
}

async function bytesBelow(replica: Replica, end: number): Promise<Uint8Array> {
  const below: Uint8Array[] = [];
  for (const batch of recordBatches(await logBytes(replica))) {
    if (batch.lastOffset < end) below.push(batch.bytes);
  }
  return joinBytes(below);
}

/** Names and bytes of the logs in a partition's folder. */
function logsOn(disk: SimulatedDisk): Record<string, string> {
  const paths = disk.paths().filter((path) => path.endsWith(".log"));
  return Object.fromEntries(
    paths.map((path) => [path, Buffer.from(disk.peek(path)).toString("hex")]),
  );
}

describe("a follower", () => {
  test("has the head's files, byte for byte, and tells of what it takes", async () => {
    const settings = { "internal.segment.bytes": 300, "message.timestamp.type": "LogAppendTime" };
    const [head, follower] = [await open(settings as object), await open(settings as object)];
    for (let index = 0; index < 12; index += 1) {
      await head.world.clock.advance(10);
      head.replica.beginEpoch(1 + Math.floor(index / 5));
      await appendHeld(head.replica, [`value ${index}`, "x".repeat(index)]);
    }
    follower.replica.beginEpoch(3);
    await feed(head.replica, follower.replica, 200);
    expect(logsOn(follower.disk)).toEqual(logsOn(head.disk));
    expect(follower.replica.epochEnds()).toEqual(head.replica.epochEnds());
    const told = follower.governor.appended;
    expect(told.map(([base]) => base)).toEqual([0, ...told.slice(0, -1).map(([, end]) => end)]);
    expect(told.at(-1)?.[1]).toBe(24);
    expect(follower.governor.stored).toEqual([24, 24]);
    expect(follower.replica.committed).toBe(0);
  });

  test("knows the head's producers and transactions when it becomes head", async () => {
    const [head, follower] = [await open(), await open()];
    const producer = new TransactionalProducer(1);
    await appendHeld(head.replica, ["a"], { ...idempotent, baseSequence: 0 });
    producer.send(head.replica.log, ["b"]);
    producer.end(head.replica.log, "abort");
    producer.send(head.replica.log, ["c"]);
    await held(head.replica);
    await feed(head.replica, follower.replica);
    const { log } = follower.replica;
    follower.replica.commit(4);
    expect([log.committed, log.lastStable]).toEqual([4, 3]);
    expect(await log.abortedTransactions(0, 4)).toMatchObject([{ firstOffset: 1, lastOffset: 2 }]);
    follower.replica.beginEpoch(2);
    const again = batchOf(["a"], { ...idempotent, baseSequence: 0 });
    expect(log.append(again, { origin: "client" })).toMatchObject({ isDuplicate: true });
    const early = batchOf(["z"], { ...idempotent, baseSequence: 5 });
    expect(() => log.append(early, { origin: "client" })).toThrow(
      withCode("OUT_OF_ORDER_SEQUENCE_NUMBER"),
    );
  });

  test("takes nothing of what is not right, and goes on", async () => {
    const [head, follower] = [await open(), await open()];
    for (const value of ["a", "b", "c"]) await appendHeld(head.replica, [value]);
    const { bytes } = await readOnce(head.replica, 0);
    const size = bytes.length / 3;
    const refused = (bad: Uint8Array, next: number, code: string): void => {
      expect(() => follower.replica.appendReplicated(bad, next)).toThrow(withCode(code));
      expect([follower.replica.end, follower.governor.appended]).toEqual([0, []]);
    };
    for (let at = 12; at < bytes.length; at += 1) {
      if (at % size < 16) continue;
      const spoiled = bytes.slice();
      spoiled[at] = (spoiled[at] as number) ^ 0x10;
      refused(spoiled, 3, "CORRUPT_MESSAGE");
    }
    refused(bytes.slice(0, -1), 3, "CORRUPT_MESSAGE");
    refused(bytes.slice(size), 3, "OFFSET_MISMATCH");
    refused(joinBytes([bytes.slice(0, size), bytes.slice(2 * size)]), 3, "OFFSET_MISMATCH");
    refused(bytes, 4, "OFFSET_MISMATCH");
    refused(bytes, 2, "OFFSET_MISMATCH");
    const epochs = bytes.slice();
    epochs[15] = 2;
    refused(epochs, 3, "FENCED_LEADER_EPOCH");
    follower.replica.beginEpoch(2);
    refused(epochs, 3, "FENCED_LEADER_EPOCH");
    follower.replica.appendReplicated(bytes, 3);
    await held(follower.replica);
    expect(await logBytes(follower.replica)).toEqual(await logBytes(head.replica));
  });

  test("without room takes nothing, and says so", async () => {
    const head = await open();
    await appendHeld(head.replica, ["a"]);
    const disk = new SimulatedDisk({ capacityBytes: 10_000 });
    const world = await openWorld(disk, { settings: { "log.disk.reserve.bytes": 100_000 } });
    const { replica, governor } = await openGoverned(world);
    await expect(feed(head.replica, replica)).rejects.toThrow(withCode("DISK_FULL"));
    expect([replica.end, governor.stoppedBy]).toEqual([0, undefined]);
  });
});

describe("a follower of a compacted log", () => {
  const compacted = {
    "cleanup.policy": ["compact"],
    "internal.segment.bytes": 300,
    "min.cleanable.dirty.ratio": 0,
  } as const;

  async function openCompacted() {
    const head = await open(compacted);
    for (const key of ["a", "b", "a", "c", "a", "a", "b", "a", "a"]) {
      await appendHeld(head.replica, ["v".repeat(40)], { key });
      head.replica.commit(head.replica.end);
    }
    await head.replica.log.roll();
    await runPass(head.replica.log, head.world.clock);
    return head;
  }

  test("has its gaps, the last one included, and reads on after a start", async () => {
    const head = await openCompacted();
    const follower = await open(compacted);
    await feed(head.replica, follower.replica);
    expect(follower.replica.end).toBe(9);
    expect(await logBytes(follower.replica)).toEqual(await logBytes(head.replica));
    await appendHeld(head.replica, ["new"], { key: "d" });
    await feed(head.replica, follower.replica);
    const left = await openGoverned(await openWorld(follower.disk.afterKill()), compacted);
    expect(left.replica).toMatchObject({ logStart: 0, end: 10 });
    expect(await logBytes(left.replica)).toEqual(await logBytes(head.replica));
  });

  test("takes gaps once the topic was to be compacted, though it is so no more", async () => {
    const head = await openCompacted();
    const follower = await open();
    expect(follower.replica.mayHaveGaps).toBe(false);
    follower.replica.log.compaction.allowGaps();
    expect(follower.replica.mayHaveGaps).toBe(true);
    await feed(head.replica, follower.replica);
    expect(await logBytes(follower.replica)).toEqual(await logBytes(head.replica));
  });

  // Of so many batches the first goes away, so that behind each gap lie all but one.
  test.each([
    [2, "os", "kill"],
    [3, "os", "kill"],
    [2, "fsync", "kill"],
    [3, "fsync", "kill"],
    [2, "fsync", "power"],
    [3, "fsync", "power"],
  ] as const)("holds nothing that a fault takes: %i, %s, %s", async (every, durability, fault) => {
    const settings = { ...compacted, durability, "internal.segment.bytes": 500 };
    const random = new SeededRandom(1);
    const head = await open(settings);
    for (let index = 0; index < 24; index += 1) {
      head.replica.beginEpoch(1 + Math.floor(index / 5));
      const key = `${index % every === 0 ? index + 1 : index}`;
      await appendHeld(head.replica, ["v".repeat(index * 5)], { key });
      head.replica.commit(head.replica.end);
    }
    await head.replica.log.roll();
    await runPass(head.replica.log, head.world.clock);
    const reads: Awaited<ReturnType<typeof readOnce>>[] = [];
    for (let at = 0; at < head.replica.end; at = reads.at(-1)?.next as number) {
      reads.push(await readOnce(head.replica, at));
    }
    let isOver = false;
    for (let last = 1; !isOver; last += 1) {
      const { replica, disk, governor } = await open(settings, { "log.flush.window.bytes": 200 });
      replica.beginEpoch(5);
      const killed = Promise.withResolvers<{ left: SimulatedDisk; stored: number }>();
      let count = 0;
      const kill = (): void => {
        const [written, flushed] = governor.stored;
        const stored = (durability === "fsync" ? flushed : written) ?? 0;
        const isPower = fault === "power";
        const left = isPower ? disk.afterPowerCut(random) : disk.afterKill(random);
        killed.resolve({ left, stored });
        disk.die();
      };
      disk.fault = (): void | Promise<void> => {
        count += 1;
        if (count !== last) return undefined;
        // The operation is under way by then.
        setImmediate(kill);
        return new Promise(() => {});
      };
      for (const { bytes, next } of reads) replica.appendReplicated(bytes.slice(), next);
      const whole = held(replica).then(() => undefined);
      const found = await Promise.race([killed.promise, whole]);
      isOver = found === undefined;
      if (found === undefined) continue;
      const again = await openGoverned(await openWorld(found.left), settings, 5);
      const { end } = again.replica;
      expect(end).toBeGreaterThanOrEqual(found.stored);
      expect(again.replica.unsoundFrom).toBe(undefined);
      expect(await logBytes(again.replica)).toEqual(await bytesBelow(head.replica, end));
      expect(fault === "kill" && again.replica.hasLostPages).toBe(false);
      const later = await openGoverned(await openWorld(found.left.afterKill()), settings, 5);
      expect([later.replica.end, later.replica.unsoundFrom]).toEqual([end, undefined]);
    }
  });

  test.each([1, 250, 400])("keeps what was sent %i bytes at a time behind gaps", async (size) => {
    const head = await openCompacted();
    for (let killedAt = 0; killedAt < head.replica.end;) {
      const { replica, disk } = await open(compacted);
      while (replica.end <= killedAt) {
        const { bytes, next } = await readOnce(head.replica, replica.end, size);
        replica.appendReplicated(bytes, next);
        await held(replica);
      }
      killedAt = replica.end;
      const left = await openGoverned(await openWorld(disk.afterKill()), compacted);
      expect(left.replica).toMatchObject({ end: killedAt, unsoundFrom: undefined });
    }
  });
});

describe("a successor", () => {
  test("is sent what is queued, before a byte of it is written", async () => {
    const { disk, replica } = await open();
    await appendHeld(replica, ["a"]);
    let letWrite = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letWrite = resolve));
    disk.fault = (operation) => (operation === "append" ? gate : undefined);
    const batches = ["b", "c", "d"].map((value) => batchOf([value]));
    for (const batch of batches) replica.log.append(batch, { origin: "client" });
    const limits = { ...all, sizeBytesMax: 2 * (batches[0]?.length ?? 0) };
    const result = replica.readForSuccessor(2, limits);
    expect(result).toMatchObject({ chunks: [batches[1], batches[2]] });
    expect(replica.readForSuccessor(1, { ...all, upTo: 2 })).toMatchObject({
      chunks: [batches[0]],
    });
    expect(replica.readForSuccessor(1, { ...all, sizeBytesMax: 1 })).toMatchObject({
      chunks: [batches[0]],
    });
    expect(replica.readForSuccessor(4, all)).toMatchObject({ chunks: [] });
    expect(() => replica.readForSuccessor(5, all)).toThrow(withCode("OFFSET_OUT_OF_RANGE"));
    letWrite();
    await held(replica);
  });

  test("is sent what is uncommitted, leased from memory or read from the disk", async () => {
    for (const settings of [{}, fromDisk]) {
      const { replica } = await open({}, settings);
      for (const value of ["a", "b", "c"]) await appendHeld(replica, [value]);
      expect(replica.committed).toBe(0);
      const { chunks, lease } = await replica.readForSuccessor(1, all);
      expect([chunks.length, lease !== undefined]).toEqual([1, settings !== fromDisk]);
      lease?.release();
    }
  });

  test("is told what has stopped the replica", async () => {
    const { disk, replica, governor } = await open();
    const broken = new XylemError("KAFKA_STORAGE_ERROR", "i/o error");
    disk.fault = (operation) => (operation === "sync" ? Promise.reject(broken) : undefined);
    await expect(appendHeld(replica, ["a"])).rejects.toThrow(broken);
    expect(governor.stoppedBy).toBe(broken);
    expect(() => replica.readForSuccessor(0, all)).toThrow(broken);
  });
});
