import { describe, expect, test } from "vitest";
import { openWorld } from "../../../../test/support/log-directory.ts";
import { appendHeld, held, logBytes, openGoverned } from "../../../../test/support/replicas.ts";
import { TransactionalProducer } from "../../../../test/support/transactional-producer.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Replica } from "./replica.ts";

type Settings = Parameters<typeof openGoverned>[1];

interface Change {
  readonly settings: NonNullable<Settings>;
  readonly apply: (replica: Replica) => Promise<void>;
}

const segmented = { "internal.segment.bytes": 400, "index.interval.bytes": 100 };

/** What dies with the machine at one of a disk's operations. */
const changes: Record<string, Change> = {
  "a cut in the last segment": { settings: {}, apply: (log) => log.truncate(5) },
  "a cut of several segments": { settings: segmented, apply: (log) => log.truncate(5) },
  "a cut between segments": { settings: segmented, apply: (log) => cutBetween(log) },
  "a cut without flushes": {
    settings: { ...segmented, durability: "os" },
    apply: (log) => log.truncate(5),
  },
  "a restart above": { settings: segmented, apply: (log) => log.restartAt(40) },
  "a restart below": { settings: segmented, apply: (log) => log.restartAt(0) },
};

async function cutBetween(replica: Replica): Promise<void> {
  const [, second] = await replica.log.retained();
  await replica.truncate(second?.baseOffset ?? 0);
}

/** Twelve batches of two epochs, of producers with and without transactions. */
async function fill(replica: Replica): Promise<void> {
  const [one, other] = [new TransactionalProducer(1), new TransactionalProducer(2)];
  for (let round = 0; round < 3; round += 1) {
    replica.beginEpoch(1 + round);
    one.send(replica.log, [`a${round}`]);
    other.send(replica.log, [`b${round}`]);
    one.end(replica.log, "abort");
    const fields = { producerId: 3, producerEpoch: 0, baseSequence: round };
    await appendHeld(replica, [`c${round}`], fields);
    replica.commit(Math.min(4, replica.end));
  }
  await held(replica);
}

/** All that a log says: what two of them must have alike to be the same. */
async function picture(replica: Replica): Promise<object> {
  const { log } = replica;
  replica.commit(replica.end);
  const producers = [...log.producers()].map(({ producerId, batches, currentTxnFirstOffset }) => ({
    producerId,
    lastSequence: batches.at(-1)?.lastSequence,
    currentTxnFirstOffset,
  }));
  return {
    bounds: [replica.logStart, replica.end, log.lastStable],
    bytes: Buffer.from(await logBytes(replica)).toString("hex"),
    epochs: replica.epochEnds(),
    producers: producers.sort((a, b) => a.producerId - b.producerId),
    aborted: await log.abortedTransactions(0, replica.end),
  };
}

async function open(disk: SimulatedDisk, settings: Settings): Promise<Replica> {
  return (await openGoverned(await openWorld(disk), settings)).replica;
}

/** A log whose checkpoints vouch for all of it. */
async function openFilled(disk: SimulatedDisk, settings: Settings): Promise<Replica> {
  const world = await openWorld(disk);
  const { replica } = await openGoverned(world, settings);
  await fill(replica);
  await new Promise<void>((done) => replica.log.whenStored(replica.end, "fsync", () => done()));
  await replica.moveLogStart(2);
  await world.directory.checkpoint();
  return replica;
}

/** The log before and after the change, and how many operations of the disk that takes. */
async function rehearse({ settings, apply }: Change) {
  const other = new SimulatedDisk();
  await openFilled(other, settings);
  const before = await picture(await open(other.afterKill(), settings));
  const disk = new SimulatedDisk();
  const replica = await openFilled(disk, settings);
  let count = 0;
  disk.fault = () => {
    count += 1;
  };
  await apply(replica);
  disk.fault = () => undefined;
  return { before, after: await picture(replica), count };
}

type Death = "before" | "after";

/** A disk that died at an operation of the change, as the next start finds it. */
async function dieAt(
  change: Change,
  at: { operation: number; death: Death; isPower: boolean },
): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const replica = await openFilled(disk, change.settings);
  let count = 0;
  let found: ((disk: SimulatedDisk) => void) | undefined;
  const dead = new Promise<SimulatedDisk>((resolve) => (found = resolve));
  const random = new SeededRandom(at.operation);
  const strike = (): void => {
    count += 1;
    if (count !== at.operation) return;
    found?.(at.isPower ? disk.afterPowerCut(random) : disk.afterKill(random));
    disk.die();
  };
  if (at.death === "before") disk.fault = strike;
  else disk.late = strike;
  void change.apply(replica).catch(() => undefined);
  return await dead;
}

const ways = [
  { death: "before", isPower: false },
  { death: "after", isPower: false },
  { death: "before", isPower: true },
  { death: "after", isPower: true },
] as const;

describe.each(Object.entries(changes))("%s", (_, change) => {
  test("leaves the log as it was or as it was to be, whenever the machine dies", async () => {
    const { before, after, count } = await rehearse(change);
    expect(count).toBeGreaterThan(5);
    expect(before).not.toEqual(after);
    let changedCount = 0;
    for (let operation = 1; operation <= count; operation += 1) {
      for (const way of ways) {
        // A power cut takes what was not flushed in any case.
        if (way.isPower && change.settings.durability === "os") continue;
        const disk = await dieAt(change, { operation, ...way });
        const found = await picture(await open(disk, change.settings));
        const isChanged = JSON.stringify(found) === JSON.stringify(after);
        const expected = isChanged ? after : before;
        expect({ operation, ...way, found }).toEqual({ operation, ...way, found: expected });
        changedCount += isChanged ? 1 : 0;
      }
    }
    expect(changedCount).toBeGreaterThan(0);
  });

  test("is there for good once it is told, and takes what comes after it", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const disk = new SimulatedDisk();
      const replica = await openFilled(disk, change.settings);
      await change.apply(replica);
      const cut = disk.afterPowerCut(new SeededRandom(seed));
      const now = await picture(replica);
      expect(await picture(await open(cut, change.settings))).toEqual(now);
      replica.beginEpoch(9);
      const { end } = replica;
      await appendHeld(replica, ["later"], { producerId: 3, producerEpoch: 1, baseSequence: 0 });
      await new Promise<void>((done) => replica.log.whenStored(end + 1, "fsync", () => done()));
      const wanted = await picture(replica);
      const left = disk.afterPowerCut(new SeededRandom(seed));
      expect(await picture(await open(left, change.settings))).toEqual(wanted);
    }
  });
});

test("no older note vouches for what is cut while a start holds the marker back", async () => {
  const disk = new SimulatedDisk();
  const before = await openWorld(disk);
  const { replica: whole } = await openGoverned(before);
  for (let at = 0; at < 20; at += 1) await appendHeld(whole, [`value ${at}`]);
  whole.commit(20);
  await before.directory.checkpoint();
  const left = disk.afterKill();
  const path = `orders-0/${"0".repeat(20)}.log`;
  left.spoil(path, left.peek(path).length / 2 + 70, Uint8Array.of(1, 2, 3, 4));
  const world = await openWorld(left);
  world.directory.holdMarker();
  const { replica } = await openGoverned(world);
  expect(replica.unsoundFrom).toBe(10);
  await replica.truncateUnsound(10);
  const again = await openGoverned(await openWorld(left.afterKill()));
  const { end, rememberedCommitted, lostUpTo, unsoundFrom } = again.replica;
  expect([end, rememberedCommitted, lostUpTo, unsoundFrom]).toEqual([10, 10, 0, undefined]);
});
