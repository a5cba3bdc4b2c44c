import { describe, expect, test } from "vitest";
import {
  append,
  batchOf,
  committed,
  openWorld,
  readValues,
} from "../../../../test/support/log-directory.ts";
import {
  appendHeld,
  held,
  openGoverned,
  readOnce,
  TestGovernor,
} from "../../../../test/support/replicas.ts";
import { TransactionalProducer } from "../../../../test/support/transactional-producer.ts";
import { XylemError } from "../../../base/errors.ts";
import { parseOffsetCheckpoint } from "../../../log/text-checkpoint.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";

const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;
const notHere = withCode("NOT_LEADER_OR_FOLLOWER");
const fromClient = { origin: "client" } as const;
const limits = { sizeBytesMax: 1_000, wholeFirst: true, upTo: 10 };

async function replicaOn(disk: SimulatedDisk, settings = {}) {
  const world = await openWorld(disk);
  return { disk, world, ...(await openGoverned(world, settings)) };
}

describe("doors", () => {
  test("are refused until a chain governs the replica, and as it says from then on", async () => {
    const world = await openWorld(new SimulatedDisk());
    const replica = await world.openReplica();
    expect(() => replica.log.append(batchOf(["a"]), fromClient)).toThrow(notHere);
    expect(() => replica.log.read(0, limits)).toThrow(notHere);
    const governor = new TestGovernor();
    replica.govern(governor);
    replica.beginEpoch(1);
    await appendHeld(replica, ["a"]);
    governor.refused.set("append", new XylemError("NOT_LEADER_OR_FOLLOWER", "a follower"));
    expect(() => replica.log.append(batchOf(["b"]), fromClient)).toThrow(notHere);
    expect(replica.log.read(0, limits)).toBeDefined();
    governor.refused.set("read", new XylemError("NOT_LEADER_OR_FOLLOWER", "no lease"));
    expect(() => replica.log.read(0, limits)).toThrow(notHere);
    await expect(replica.log.findMaxTimestamp()).rejects.toThrow(notHere);
  });

  test("see what the chain has committed, and no more", async () => {
    const { replica } = await replicaOn(new SimulatedDisk());
    let advances = 0;
    replica.log.onAdvance(() => (advances += 1));
    await appendHeld(replica, ["a", "b"]);
    const waiting = committed(replica.log, 1);
    expect([replica.held, replica.committed, replica.log.lastStable, advances]).toEqual([
      2, 0, 0, 0,
    ]);
    expect(await replica.log.findMaxTimestamp()).toBeUndefined();
    replica.commit(1);
    await waiting;
    expect([replica.committed, advances]).toEqual([1, 1]);
    replica.commit(9);
    replica.commit(0);
    expect([replica.committed, advances]).toEqual([2, 2]);
    expect(await readValues(replica.log)).toEqual(["a", "b"]);
  });

  test("who waits is told when the chain gives no answer any more", async () => {
    const { replica } = await replicaOn(new SimulatedDisk());
    await appendHeld(replica, ["a"]);
    const waiting = committed(replica.log, 1);
    replica.failWaiters(new XylemError("NOT_ENOUGH_REPLICAS_AFTER_APPEND", "too short"));
    await expect(waiting).rejects.toThrow(withCode("NOT_ENOUGH_REPLICAS_AFTER_APPEND"));
    replica.commit(1);
    await committed(replica.log, 1);
  });
});

describe("the last stable offset", () => {
  test("waits for a marker to be committed, before a start and after it", async () => {
    const disk = new SimulatedDisk();
    const { world, replica } = await replicaOn(disk);
    const producer = new TransactionalProducer(1);
    await appendHeld(replica, ["plain"]);
    producer.send(replica.log, ["a"]);
    await held(replica);
    replica.commit(2);
    producer.end(replica.log, "abort");
    await held(replica);
    expect([replica.committed, replica.log.lastStable, replica.end]).toEqual([2, 1, 3]);
    await world.directory.close();
    const again = await openGoverned(await openWorld(disk));
    const { log } = again.replica;
    expect([log.committed, log.lastStable, log.end]).toEqual([2, 1, 3]);
    again.replica.commit(3);
    expect(log.lastStable).toBe(3);
    expect(await log.abortedTransactions(0, 3)).toHaveLength(1);
  });
});

describe("an epoch", () => {
  test("stamps the batches, and is in the table with its first record only", async () => {
    const { replica } = await replicaOn(new SimulatedDisk());
    expect(replica.epochEnds()).toEqual([]);
    await appendHeld(replica, ["a"]);
    replica.beginEpoch(4);
    expect(replica.log.leaderEpoch).toBe(4);
    expect(replica.epochEnds()).toEqual([{ epoch: 1, endOffset: 1 }]);
    replica.beginEpoch(6);
    await appendHeld(replica, ["b", "c"]);
    expect(replica.epochEnds()).toEqual([
      { epoch: 1, endOffset: 1 },
      { epoch: 6, endOffset: 3 },
    ]);
    const { bytes } = await readOnce(replica, 1);
    expect(new DataView(bytes.buffer).getInt32(12)).toBe(6);
    expect(() => replica.beginEpoch(5)).toThrow(withCode("FENCED_LEADER_EPOCH"));
  });

  test("ends with the log for who asks, though it has no record yet", async () => {
    const { replica } = await replicaOn(new SimulatedDisk());
    await appendHeld(replica, ["a"]);
    replica.beginEpoch(4);
    const endOf = (epoch: number): unknown => replica.log.endOffsetForEpoch(epoch);
    expect(endOf(4)).toEqual({ leaderEpoch: 4, endOffset: 1 });
    expect(endOf(2)).toEqual({ leaderEpoch: -1, endOffset: -1 });
    await appendHeld(replica, ["b"]);
    expect(endOf(1)).toEqual({ leaderEpoch: 1, endOffset: 1 });
    expect(endOf(2)).toEqual({ leaderEpoch: 1, endOffset: 1 });
    expect(endOf(4)).toEqual({ leaderEpoch: 4, endOffset: 2 });
  });

  test("outlives a kill with its first record, though nothing follows it", async () => {
    const disk = new SimulatedDisk();
    const { replica } = await replicaOn(disk, { durability: "os" });
    for (const epoch of [1, 2, 5]) {
      replica.beginEpoch(epoch);
      await appendHeld(replica, ["a"]);
    }
    const left = await openWorld(disk.afterKill());
    const again = await left.openReplica({ durability: "os" });
    expect(again.end).toBe(3);
    expect(again.epochEnds().map(({ epoch }) => epoch)).toEqual([1, 2, 5]);
  });
});

describe("what is remembered as committed", () => {
  test("is what was committed, and no more than was flushed", async () => {
    const disk = new SimulatedDisk();
    const { world, replica } = await replicaOn(disk, { durability: "os" });
    await appendHeld(replica, ["a", "b", "c"]);
    replica.commit(2);
    await world.directory.checkpoint();
    const stored = (): Map<string, number> =>
      parseOffsetCheckpoint(Buffer.from(disk.peek("replication-offset-checkpoint")).toString());
    expect([replica.flushed, stored().get("orders-0")]).toEqual([0, 0]);
    await new Promise<void>((done) => replica.log.whenStored(3, "fsync", () => done()));
    await world.directory.checkpoint();
    expect([replica.flushed, stored().get("orders-0")]).toEqual([3, 2]);
    const again = await (await openWorld(disk.afterKill())).openReplica({ durability: "os" });
    expect([again.rememberedCommitted, again.committed, again.end]).toEqual([2, 2, 3]);
    expect(again.lostUpTo).toBe(0);
  });

  test.each([
    ["committed", 3],
    ["flushed, and committed elsewhere perhaps", 1],
  ])("and is gone is told, where it was known as %s", async (_, known) => {
    const disk = new SimulatedDisk();
    const { world, replica } = await replicaOn(disk);
    for (const value of ["a", "b", "c"]) await appendHeld(replica, [value]);
    replica.commit(known);
    await world.directory.checkpoint();
    const left = disk.afterKill();
    const path = "orders-0/00000000000000000000.log";
    left.poke(path, left.peek(path).slice(0, 100));
    const again = await (await openWorld(left)).openReplica();
    expect(again.lostUpTo).toBe(3);
  });

  test("is all that a killed process leaves, wherever its last write ends", async () => {
    const disk = new SimulatedDisk();
    const { replica } = await replicaOn(disk, { durability: "os" });
    await appendHeld(replica, ["a"]);
    const path = "orders-0/00000000000000000000.log";
    const first = disk.peek(path).length;
    await appendHeld(replica, ["b"]);
    const whole = disk.peek(path).slice();
    for (let length = first; length <= whole.length; length += 1) {
      const left = disk.afterKill();
      left.poke(path, whole.slice(0, length));
      const again = await (await openWorld(left)).openReplica({ durability: "os" });
      const end = length === whole.length ? 2 : 1;
      expect([length, again.end, again.hasLostPages]).toEqual([length, end, false]);
    }
    // No write begins with zeros, nor behind a gap in a log without any.
    const behindGap = whole.slice();
    behindGap[first + 6] = 1;
    for (const bytes of [whole.slice().fill(0, first), behindGap]) {
      const left = disk.afterKill();
      left.poke(path, bytes);
      const again = await (await openWorld(left)).openReplica({ durability: "os" });
      expect([again.end, again.hasLostPages]).toEqual([1, true]);
    }
  });

  test("of a log that one node had alone is all that it had flushed", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    await append(await world.open(), ["a", "b"]);
    await world.directory.close();
    const replica = await (await openWorld(disk)).openReplica();
    expect([replica.committed, replica.end]).toEqual([2, 2]);
  });
});

test("a replica that is halted answers nobody, and says so once", async () => {
  const { replica, governor } = await replicaOn(new SimulatedDisk());
  await appendHeld(replica, ["a"]);
  const waiting = committed(replica.log, 1);
  const error = new XylemError("KAFKA_STORAGE_ERROR", "committed records are others elsewhere");
  replica.halt(error);
  await expect(waiting).rejects.toThrow(error);
  expect(governor.stoppedBy).toBe(error);
  replica.halt(new XylemError("KAFKA_STORAGE_ERROR", "again"));
  expect(governor.stoppedBy).toBe(error);
  expect(() => replica.log.read(0, limits)).toThrow(error);
  expect(() => replica.readForSuccessor(0, limits)).toThrow(error);
  await expect(replica.truncate(0)).rejects.toThrow(error);
});

describe("on a full disk", () => {
  const full = new XylemError("DISK_FULL", "the disk is full");
  const fill = (disk: SimulatedDisk): void => {
    disk.fault = (operation, path) => {
      if (operation === "append" && path.endsWith(".log")) throw full;
    };
  };

  test("a replica that is alone takes back what was refused, and lives", async () => {
    const { disk, replica, governor } = await replicaOn(new SimulatedDisk());
    await appendHeld(replica, ["a"]);
    fill(disk);
    await expect(appendHeld(replica, ["b"])).rejects.toThrow(full);
    expect(governor.takenBackTo).toBe(1);
    disk.fault = () => undefined;
    expect(await appendHeld(replica, ["c"])).toBe(1);
    expect(governor.stoppedBy).toBeUndefined();
  });

  test("one of a longer chain stops: its successor may have the record", async () => {
    const { disk, replica, governor } = await replicaOn(new SimulatedDisk());
    await appendHeld(replica, ["a"]);
    governor.alone = false;
    fill(disk);
    await expect(appendHeld(replica, ["b"])).rejects.toThrow(withCode("KAFKA_STORAGE_ERROR"));
    expect(governor.stoppedBy).toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
    expect(() => replica.log.append(batchOf(["c"]), fromClient)).toThrow(governor.stoppedBy);
    expect(replica.end).toBe(2);
  });
});

describe("the log start", () => {
  test("is the head's: retention of a follower removes nothing", async () => {
    const settings = { "internal.segment.bytes": 100, "retention.bytes": 0 };
    const { world, replica, governor } = await replicaOn(new SimulatedDisk(), settings);
    for (const value of ["a", "b", "c"]) await appendHeld(replica, [value]);
    replica.commit(3);
    governor.head = false;
    await replica.log.applyRetention(world.clock.nowMs());
    expect(replica.logStart).toBe(0);
    await replica.moveLogStart(2);
    expect([replica.logStart, (await replica.log.retained()).length]).toEqual([2, 1]);
    governor.head = true;
    await replica.log.applyRetention(world.clock.nowMs());
    expect(replica.logStart).toBe(3);
  });

  test("moves no further than what is committed", async () => {
    const { replica } = await replicaOn(new SimulatedDisk());
    await appendHeld(replica, ["a", "b", "c"]);
    replica.commit(1);
    await replica.moveLogStart(3);
    expect(replica.logStart).toBe(1);
    await replica.moveLogStart(0);
    expect(replica.logStart).toBe(1);
  });
});
