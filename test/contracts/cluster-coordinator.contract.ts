import { afterEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { parseSeat, seatsPrefix } from "../../src/broker/cluster/membership/seat-entry.ts";
import { takeSeat } from "../../src/broker/cluster/membership/take-seat.ts";
import type { Coordinator } from "../../src/broker/ports/coordinator.ts";
import { eventually, keysBelow, put, WatchRecord } from "./coordinator.contract.ts";

/** One client of a store that several share. */
export interface ClusterClient {
  readonly coordinator: Coordinator;
  /** The one that `holdsUntilMs` of its leases is told in. */
  readonly clock: Clock;
  /** Connections end, and none come about. */
  cut(): void;
  mend(): void;
}

/** A store without anything in it, and its clients; all of it goes with `close`. */
export interface CoordinatorWorld {
  /** The shortest lease that the store knows. */
  readonly ttlMs: number;
  /** How much later than its TTL the store may let a lease go. */
  readonly lateMsMax: number;
  connect(): Promise<ClusterClient>;
  /** Lets time go on. */
  pass(durationMs: number): Promise<void>;
  /** The store forgets its history; without it, it has none. */
  compact?(): Promise<void>;
  close(): Promise<void>;
}

/** What a `Coordinator` of several nodes holds, beside `coordinatorContract`. */
export function clusterCoordinatorContract(
  name: string,
  makeWorld: () => Promise<CoordinatorWorld>,
): void {
  describe(`cluster coordinator contract: ${name}`, () => {
    const worlds: CoordinatorWorld[] = [];
    const open = async (): Promise<CoordinatorWorld> => {
      const world = await makeWorld();
      worlds.push(world);
      return world;
    };
    afterEach(async () => {
      for (const world of worlds.splice(0)) await world.close();
    });
    sharingContract(open);
    outageContract(open);
    leaseContract(open);
  });
}

/** What a node waits beyond the time that a dead one's lease may last. */
const claimPatienceMs = 5_000;

type Open = () => Promise<CoordinatorWorld>;

async function revisionOf({ coordinator }: ClusterClient): Promise<number> {
  return (await coordinator.read("")).revision;
}

function sharingContract(open: Open): void {
  test("what one client writes another reads, and compares against", async () => {
    const world = await open();
    const [one, other] = [await world.connect(), await world.connect()];
    const revision = (await one.coordinator.transact([], [put("a", "1")]))!;
    expect((await other.coordinator.read("a")).entries).toEqual([{ ...put("a", "1"), revision }]);
    const compares = [{ key: "a", revision }];
    expect(await other.coordinator.transact(compares, [put("a", "2")])).toBeGreaterThan(revision);
    expect(await one.coordinator.transact(compares, [put("a", "3")])).toBeUndefined();
  });

  test("of clients that make the same key at once, one wins", async () => {
    const world = await open();
    const clients = await Promise.all(Array.from({ length: 4 }, () => world.connect()));
    for (let round = 0; round < 5; round += 1) {
      const tries = clients.map(({ coordinator }, at) =>
        coordinator.transact([{ key: `k${round}`, revision: 0 }], [put(`k${round}`, String(at))]),
      );
      const won = (await Promise.all(tries)).flatMap((revision, at) =>
        revision === undefined ? [] : [String(at)],
      );
      const { entries } = await clients[0]!.coordinator.read(`k${round}`);
      expect(entries.map(({ value }) => value)).toEqual(won);
    }
  });

  test("of nodes that start at once as many hold replicas as are expected", async () => {
    const world = await open();
    const clients = await Promise.all(Array.from({ length: 4 }, () => world.connect()));
    await Promise.all(
      clients.map(({ coordinator }, at) =>
        takeSeat(coordinator, { nodeId: at + 1, rack: "", expected: 2 }),
      ),
    );
    const { entries } = await clients[0]!.coordinator.read(seatsPrefix);
    const states = entries.map(({ key, value }) => parseSeat(key, value).state);
    expect(states.sort()).toEqual(["joining", "joining", "valid", "valid"]);
  });

  test("keys written together are never seen apart, by whichever watcher", async () => {
    const world = await open();
    const clients = await Promise.all(Array.from({ length: 3 }, () => world.connect()));
    const torn: string[] = [];
    const watching = clients.map(async (client) => {
      const record = new WatchRecord();
      client.coordinator.watch("pair/", await revisionOf(client), {
        onGap: () => record.onGap(),
        onChanges: (at, changes) => {
          record.onChanges(at, changes);
          const { "pair/a": a, "pair/b": b } = record.picture;
          if (a !== b) torn.push(`${at}: ${a} and ${b}`);
        },
      });
      return record;
    });
    const seen = await Promise.all(watching);
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        clients.map(({ coordinator }, at) => {
          const value = `${round}-${at}`;
          return coordinator.transact([], [put("pair/a", value), put("pair/b", value)]);
        }),
      );
    }
    const { entries } = await clients[0]!.coordinator.read("pair/");
    const last = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
    await eventually(world, () => {
      for (const { picture } of seen) expect(picture).toEqual(last);
    });
    expect(torn).toEqual([]);
    expect(seen.flatMap(({ faults }) => faults)).toEqual([]);
  });
}

function outageContract(open: Open): void {
  test("a watch bridges an outage, and tells all that was changed meanwhile", async () => {
    const world = await open();
    const [cut, other] = [await world.connect(), await world.connect()];
    const seen = new WatchRecord();
    cut.coordinator.watch("", await revisionOf(cut), seen);
    await other.coordinator.transact([], [put("a", "1"), put("b", "1")]);
    await eventually(world, () => expect(seen.picture).toEqual({ a: "1", b: "1" }));
    cut.cut();
    await other.coordinator.transact([], [put("a", "2")]);
    await other.coordinator.transact([], [{ key: "b", value: null }]);
    await world.pass(300);
    expect(seen.picture).toEqual({ a: "1", b: "1" });
    cut.mend();
    await eventually(world, () => expect(seen.picture).toEqual({ a: "2" }));
    expect([seen.gaps, seen.faults]).toEqual([0, []]);
  });

  test("a call in a short outage is answered after it", async () => {
    const world = await open();
    const [cut, other] = [await world.connect(), await world.connect()];
    await cut.coordinator.read("");
    cut.cut();
    const reading = cut.coordinator.read("a");
    const writing = cut.coordinator.transact([{ key: "b", revision: 0 }], [put("b", "1")]);
    await other.coordinator.transact([], [put("a", "1")]);
    await world.pass(500);
    cut.mend();
    expect((await reading).entries.map(({ key }) => key)).toEqual(["a"]);
    expect(await writing).toBeDefined();
    expect(await keysBelow(other.coordinator, "b")).toEqual(["b"]);
  });

  test("a call in a long outage is given up, and says so", async () => {
    const world = await open();
    const [cut, other] = [await world.connect(), await world.connect()];
    await cut.coordinator.read("");
    cut.cut();
    const refused = { code: "REQUEST_TIMED_OUT" };
    await expect(cut.coordinator.transact([], [put("a", "1")])).rejects.toMatchObject(refused);
    expect(await keysBelow(other.coordinator, "")).toEqual([]);
  }, 60_000);

  test("a count by compare-and-set is right although connections break all the time", async () => {
    const world = await open();
    const clients = await Promise.all(Array.from({ length: 3 }, () => world.connect()));
    let [counted, unknown] = [0, 0];
    const countUp = async ({ coordinator }: ClusterClient): Promise<void> => {
      try {
        const [entry] = (await coordinator.read("count")).entries;
        const compares = [{ key: "count", revision: entry?.revision ?? 0 }];
        const value = String(Number(entry?.value ?? 0) + 1);
        const revision = await coordinator.transact(compares, [put("count", value)]);
        if (revision !== undefined) counted += 1;
      } catch {
        unknown += 1;
      }
    };
    let isOver = false;
    const breaking = (async () => {
      for (let at = 0; !isOver; at += 1) {
        const client = clients[at % clients.length]!;
        client.cut();
        await world.pass(3);
        client.mend();
        await world.pass(17);
      }
    })();
    await Promise.all(
      clients.map(async (client) => {
        for (let round = 0; round < 25; round += 1) await countUp(client);
      }),
    );
    isOver = true;
    await breaking;
    const [entry] = (await clients[0]!.coordinator.read("count")).entries;
    expect(counted).toBeGreaterThan(20);
    expect(Number(entry?.value)).toBeGreaterThanOrEqual(counted);
    expect(Number(entry?.value)).toBeLessThanOrEqual(counted + unknown);
  }, 60_000);

  test("history may be forgotten under a watch that is up to date", async () => {
    const world = await open();
    const client = await world.connect();
    const seen = new WatchRecord();
    client.coordinator.watch("", await revisionOf(client), seen);
    for (let round = 1; round <= 5; round += 1) {
      await client.coordinator.transact([], [put("a", String(round))]);
      await eventually(world, () => expect(seen.picture).toEqual({ a: String(round) }));
      await world.compact?.();
    }
    expect(seen.gaps).toBe(0);
  });

  test("who missed what is forgotten is told once to read again, and nothing more", async () => {
    const world = await open();
    const [cut, other] = [await world.connect(), await world.connect()];
    const seen = new WatchRecord();
    const revision = await revisionOf(cut);
    cut.coordinator.watch("", revision, seen);
    await other.coordinator.transact([], [put("a", "1")]);
    await eventually(world, () => expect(seen.picture).toEqual({ a: "1" }));
    cut.cut();
    await other.coordinator.transact([], [{ key: "a", value: null }]);
    await other.coordinator.transact([], [put("b", "1")]);
    await world.compact?.();
    cut.mend();
    const isForgotten = world.compact !== undefined;
    await eventually(world, () => {
      expect(isForgotten ? seen.gaps : seen.picture).toEqual(isForgotten ? 1 : { b: "1" });
    });
    const again = await cut.coordinator.read("");
    expect(again.entries.map(({ key }) => key)).toEqual(["b"]);
    const fresh = new WatchRecord();
    cut.coordinator.watch("", again.revision, fresh);
    await other.coordinator.transact([], [put("c", "1")]);
    await eventually(world, () => expect(fresh.picture).toEqual({ c: "1" }));
    expect([seen.picture, seen.gaps]).toEqual(
      isForgotten ? [{ a: "1" }, 1] : [{ b: "1", c: "1" }, 0],
    );
  });

  test("a watch from a revision that is forgotten is told to read again", async () => {
    const world = await open();
    const client = await world.connect();
    const revision = await revisionOf(client);
    await client.coordinator.transact([], [put("a", "1")]);
    await client.coordinator.transact([], [put("a", "2")]);
    await world.compact?.();
    const seen = new WatchRecord();
    client.coordinator.watch("", revision, seen);
    await eventually(world, () => {
      expect([seen.gaps, seen.picture]).toEqual(
        world.compact === undefined ? [0, { a: "2" }] : [1, {}],
      );
    });
  });
}

function leaseContract(open: Open): void {
  test("a lease lasts as long as its owner is there", async () => {
    const world = await open();
    const [owner, other] = [await world.connect(), await world.connect()];
    const lease = await owner.coordinator.lease(world.ttlMs);
    let [lost, renewed] = [0, 0];
    lease.onLost(() => (lost += 1));
    lease.onRenewed(() => (renewed += 1));
    await owner.coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    const firstMs = lease.holdsUntilMs;
    await world.pass(lease.ttlMs * 2.5);
    expect(await keysBelow(other.coordinator, "")).toEqual(["bound"]);
    expect(lease.holdsUntilMs).toBeGreaterThan(firstMs + lease.ttlMs);
    expect(lost).toBe(0);
    expect(renewed).toBeGreaterThan(3);
  }, 120_000);

  test("an owner that is cut off knows of its loss before its keys vanish", async () => {
    const world = await open();
    const [owner, other] = [await world.connect(), await world.connect()];
    const lease = await owner.coordinator.lease(world.ttlMs);
    await owner.coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    let [lostMs, goneMs] = [Infinity, Infinity];
    lease.onLost(() => (lostMs = owner.clock.monotonicMs()));
    other.coordinator.watch("", await revisionOf(other), {
      onGap: () => undefined,
      onChanges: (_, changes) => {
        if (changes.some(({ value }) => value === null)) goneMs = owner.clock.monotonicMs();
      },
    });
    await world.pass(lease.ttlMs);
    owner.cut();
    const cutMs = owner.clock.monotonicMs();
    const untilMs = lease.holdsUntilMs;
    await eventually(world, () => expect(goneMs).toBeLessThan(Infinity), world.lateMsMax * 4);
    expect(untilMs).toBeLessThanOrEqual(cutMs + lease.ttlMs);
    expect(lostMs).toBeLessThanOrEqual(goneMs);
    expect(goneMs - cutMs).toBeLessThan(lease.ttlMs * 1.2 + world.lateMsMax);
    // A node id that belongs to another directory is waited for as long.
    const lastsMs = owner.coordinator.leaseLastsMs?.(lease.ttlMs) ?? lease.ttlMs;
    expect(goneMs - cutMs).toBeLessThan(lastsMs + claimPatienceMs);
    expect(lease.holdsUntilMs).toBe(Number.NEGATIVE_INFINITY);
    owner.mend();
    const write = { ...put("bound", "2"), lease };
    await expect(owner.coordinator.transact([], [write])).rejects.toMatchObject({
      code: "STALE_BROKER_EPOCH",
    });
    const next = await owner.coordinator.lease(world.ttlMs);
    expect(next.id).not.toBe(lease.id);
    expect(await owner.coordinator.transact([], [{ ...write, lease: next }])).toBeDefined();
  }, 120_000);

  test("a lease outlives an outage shorter than its time", async () => {
    const world = await open();
    const owner = await world.connect();
    const lease = await owner.coordinator.lease(world.ttlMs);
    await owner.coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    let lost = 0;
    lease.onLost(() => (lost += 1));
    for (let round = 0; round < 4; round += 1) {
      owner.cut();
      await world.pass(lease.ttlMs * 0.2);
      owner.mend();
      await world.pass(lease.ttlMs * 0.8);
    }
    expect(lost).toBe(0);
    expect(await keysBelow(owner.coordinator, "")).toEqual(["bound"]);
  }, 120_000);

  test("what a client leaves behind runs out when it closed without a word", async () => {
    const world = await open();
    const [owner, other] = [await world.connect(), await world.connect()];
    const lease = await owner.coordinator.lease(world.ttlMs);
    await owner.coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    await owner.coordinator.close();
    const withinMs = lease.ttlMs + world.lateMsMax * 4;
    await eventually(
      world,
      async () => expect(await keysBelow(other.coordinator, "")).toEqual([]),
      withinMs,
    );
    await expect(owner.coordinator.read("")).rejects.toMatchObject({
      code: "BROKER_NOT_AVAILABLE",
    });
  }, 120_000);

  test("an owner whose lease another client ended is told", async () => {
    const world = await open();
    const [owner, other] = [await world.connect(), await world.connect()];
    const lease = await owner.coordinator.lease(world.ttlMs);
    await owner.coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    let lost = 0;
    lease.onLost(() => (lost += 1));
    const [entry] = (await other.coordinator.read("bound")).entries;
    await other.coordinator.revoke(entry!.lease!);
    expect(await keysBelow(other.coordinator, "")).toEqual([]);
    await eventually(world, () => expect(lost).toBe(1), lease.ttlMs);
    expect(lease.holdsUntilMs).toBe(Number.NEGATIVE_INFINITY);
  }, 120_000);
}
