import { describe, expect, test } from "vitest";
import {
  type ClusterClient,
  clusterCoordinatorContract,
  type CoordinatorWorld,
} from "../../test/contracts/cluster-coordinator.contract.ts";
import {
  coordinatorContract,
  put,
  WatchRecord,
} from "../../test/contracts/coordinator.contract.ts";
import { SeededRandom } from "../base/seeded-random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import { DriftingClock } from "./drifting-clock.ts";
import { SimulatedCoordinator } from "./simulated-coordinator.ts";
import type { CoordinatorFaults } from "./coordinator-network.ts";
import { SimulatedStore } from "./simulated-store.ts";

const roughFaults: CoordinatorFaults = {
  delayMsMax: 20,
  watchDelayMsMax: 50,
  lostOneIn: 10,
  unknownOneIn: 0,
};

/** Clients on clocks of their own; time goes on while any of them waits. */
class VirtualWorld implements CoordinatorWorld {
  readonly ttlMs = 2_000;
  readonly lateMsMax = 500;
  readonly clock = new VirtualClock({ settle: () => new Promise((done) => setImmediate(done)) });
  readonly store = new SimulatedStore(this.clock);
  readonly clients: SimulatedCoordinator[] = [];
  readonly #random: SeededRandom;
  readonly #faults: CoordinatorFaults | undefined;
  #moved: Promise<void> = Promise.resolve();

  constructor(seed: number, faults?: CoordinatorFaults) {
    this.#random = new SeededRandom(seed);
    this.#faults = faults;
  }

  connect(): Promise<ClusterClient> {
    const clock = new DriftingClock(this.clock, 0.96 + (this.#random.nextUint32() % 80) / 1_000);
    const random = new SeededRandom(this.#random.nextUint32());
    const options = { store: this.store, clock, random };
    const faults = this.#faults === undefined ? {} : { faults: this.#faults };
    const client = new SimulatedCoordinator({ ...options, ...faults });
    this.clients.push(client);
    const coordinator = this.#driven(client);
    return Promise.resolve({
      coordinator,
      clock,
      cut: () => client.cut(),
      mend: () => client.mend(),
    });
  }

  pass = (durationMs: number): Promise<void> => {
    this.#moved = this.#moved.then(() => this.clock.advance(durationMs));
    return this.#moved;
  };

  compact(): Promise<void> {
    this.store.compact();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    for (const client of this.clients) await client.close();
  }

  /** Its promises, and those of the leases it gives, let time go on until they settle. */
  #driven<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          const answer: unknown = value.apply(target, args);
          return answer instanceof Promise ? this.#drive(answer) : answer;
        };
      },
    });
  }

  async #drive(promise: Promise<unknown>): Promise<unknown> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.pass(0);
    while (!isSettled) await this.pass(5);
    const answer = await promise;
    const isLease = typeof answer === "object" && answer !== null && "onLost" in answer;
    return isLease ? this.#driven(answer) : answer;
  }
}

for (const [name, seed, faults] of [
  ["simulated", 1, undefined],
  ["simulated, delays and losses", 2, roughFaults],
  ["simulated, delays and losses drawn otherwise", 3, roughFaults],
] as const) {
  coordinatorContract(name, () => {
    const world = new VirtualWorld(seed, faults);
    const open = async (): Promise<Coordinator> => (await world.connect()).coordinator;
    return { open, reopen: open, pass: world.pass };
  });
  clusterCoordinatorContract(name, () => Promise.resolve(new VirtualWorld(seed, faults)));
}

/** What three clients of one seed saw and did in a minute, as text. */
async function minuteOf(seed: number): Promise<string> {
  const world = new VirtualWorld(seed, { ...roughFaults, unknownOneIn: 20 });
  const told: string[] = [];
  const note = (text: string): void => void told.push(`${world.clock.monotonicMs()} ${text}`);
  for (let at = 0; at < 3; at += 1) {
    await world.connect();
    const client = world.clients[at]!;
    client.watch("", 1, {
      onGap: () => note(`${at} reads again`),
      onChanges: (revision, changes) => note(`${at} sees ${revision} ${JSON.stringify(changes)}`),
    });
    const step = (count: number): void => {
      client.transact([], [put(`k${count % 5}`, `${at}-${count}`)]).then(
        (revision) => note(`${at} wrote ${revision}`),
        () => note(`${at} knows nothing`),
      );
      if (count < 100) world.clock.schedule(500, () => step(count + 1));
    };
    step(0);
  }
  world.clock.schedule(20_000, () => world.store.setAvailable(false));
  world.clock.schedule(40_000, () => world.store.setAvailable(true));
  await world.clock.advance(60_000);
  told.push(JSON.stringify(world.clients.map(({ faultCounts }) => faultCounts)));
  return told.join("\n");
}

describe("a simulated coordinator", () => {
  test("repeats a run from its seed, and draws another from another", async () => {
    const run = await minuteOf(7);
    expect(await minuteOf(7)).toBe(run);
    expect(await minuteOf(8)).not.toBe(run);
    expect(run).toMatch(/knows nothing/);
    expect(run).toMatch(/"lost":[1-9]/);
    expect(run).toMatch(/"appliedLate":[1-9]/);
  });

  test("an unknown outcome was applied, is applied later, or never is", async () => {
    const fates = new Set<string>();
    for (let seed = 1; seed <= 30; seed += 1) {
      const world = new VirtualWorld(seed, { ...roughFaults, lostOneIn: 0, unknownOneIn: 1 });
      const { coordinator } = await world.connect();
      await expect(coordinator.transact([], [put("a", "1")])).rejects.toMatchObject({
        code: "REQUEST_TIMED_OUT",
      });
      const before = world.store.read("a").entries.length;
      await world.pass(20_000);
      fates.add(`${before} then ${world.store.read("a").entries.length}`);
    }
    expect([...fates].sort()).toEqual(["0 then 0", "0 then 1", "1 then 1"]);
  });

  test("no lease runs out without a quorum; after it each has its whole time", async () => {
    const world = new VirtualWorld(1);
    const owner = await world.connect();
    const lease = await owner.coordinator.lease(2_000);
    await owner.coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    let lost = 0;
    lease.onLost(() => (lost += 1));
    world.store.setAvailable(false);
    await world.pass(60_000);
    expect([lost, world.store.read("").entries.length]).toEqual([1, 1]);
    await expect(owner.coordinator.read("")).rejects.toMatchObject({ code: "REQUEST_TIMED_OUT" });
    world.store.setAvailable(true);
    await world.pass(1_900);
    expect(world.store.read("").entries.length).toBe(1);
    await world.pass(200);
    expect(world.store.read("").entries.length).toBe(0);
  });

  test("who knew more than a backup that was restored is told to read again", async () => {
    const world = new VirtualWorld(1);
    const { coordinator } = await world.connect();
    await coordinator.transact([], [put("a", "1")]);
    const backup = world.store.backUp();
    const lease = await coordinator.lease(2_000);
    const seen = new WatchRecord();
    coordinator.watch("", backup.revision, seen);
    await coordinator.transact([], [put("a", "2"), { ...put("b", "1"), lease }]);
    await world.pass(1);
    expect(seen.picture).toEqual({ a: "2", b: "1" });
    world.store.restore(backup);
    await world.pass(1_000);
    expect(seen.gaps).toBe(1);
    expect((await coordinator.read("")).entries).toMatchObject([put("a", "1")]);
    expect(lease.holdsUntilMs).toBe(Number.NEGATIVE_INFINITY);
  });

  test("who comes back when a restored store has gone further is told to read again", async () => {
    const world = new VirtualWorld(1);
    const [stays, away] = [await world.connect(), await world.connect()];
    const backup = world.store.backUp();
    await stays.coordinator.transact([], [put("a", "old")]);
    const seen = new WatchRecord();
    away.coordinator.watch("", (await away.coordinator.read("")).revision, seen);
    away.cut();
    world.store.restore(backup);
    for (const key of ["b", "c"]) await stays.coordinator.transact([], [put(key, "new")]);
    away.mend();
    await world.pass(1_000);
    expect([seen.gaps, seen.picture]).toEqual([1, {}]);
  });

  test("whose clock runs wrong within bounds never believes in a lease for too long", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const world = new VirtualWorld(seed, roughFaults);
      const owner = await world.connect();
      const lease = await owner.coordinator.lease(2_000);
      await owner.coordinator.transact([], [{ ...put("bound", "1"), lease }]);
      const isThere = (): boolean => world.store.read("").entries.length === 1;
      let wrong = 0;
      lease.onLost(() => (wrong += isThere() ? 0 : 1));
      for (let at = 0; at < 400; at += 1) {
        if (at === 100) owner.cut();
        await world.clock.advance(10);
        const believes = owner.clock.monotonicMs() < lease.holdsUntilMs;
        if (believes && !isThere()) wrong += 1;
      }
      expect([seed, wrong, isThere()]).toEqual([seed, 0, false]);
    }
  });

  test("under all faults a success counts once, and what is seen was so", async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const world = new VirtualWorld(seed, { ...roughFaults, unknownOneIn: 15 });
      const pictures = new Map<number, string>([[world.store.revision, "{}"]]);
      world.store.onChanged(() => pictures.set(world.store.revision, pictureOf(world.store)));
      let [counted, unknown, compared] = [0, 0, 0];
      for (let at = 0; at < 3; at += 1) {
        await world.connect();
        const client = world.clients[at]!;
        const seen = new WatchRecord();
        client.watch("", world.store.revision, {
          onGap: () => seen.onGap(),
          onChanges: (revision, changes) => {
            seen.onChanges(revision, changes);
            compared += 1;
            expect([seed, JSON.stringify(seen.picture)]).toEqual([seed, pictures.get(revision)]);
          },
        });
        const countUp = async (): Promise<void> => {
          const [entry] = (await client.read("count")).entries;
          const compares = [{ key: "count", revision: entry?.revision ?? 0 }];
          const value = String(Number(entry?.value ?? 0) + 1);
          const revision = await client.transact(compares, [put("count", value)]);
          if (revision !== undefined) counted += 1;
        };
        const round = (left: number): void => {
          void countUp()
            .catch(() => (unknown += 1))
            .finally(() => left > 0 && round(left - 1));
        };
        round(30);
        world.clock.schedule(1_000 + at * 700, () => client.cut());
        world.clock.schedule(2_000 + at * 900, () => client.mend());
      }
      world.clock.schedule(5_000, () => world.store.setAvailable(false));
      world.clock.schedule(7_000, () => world.store.setAvailable(true));
      await world.clock.advance(60_000);
      const value = Number(world.store.read("count").entries[0]?.value);
      expect(counted).toBeGreaterThan(10);
      expect(compared).toBeGreaterThan(20);
      expect([seed, value >= counted, value <= counted + unknown]).toEqual([seed, true, true]);
    }
  });
});

function pictureOf(store: SimulatedStore): string {
  const { entries } = store.read("");
  return JSON.stringify(Object.fromEntries(entries.map(({ key, value }) => [key, value])));
}
