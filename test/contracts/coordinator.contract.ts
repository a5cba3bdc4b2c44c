import { describe, expect, test } from "vitest";
import type { Change, Coordinator, Watcher, Write } from "../../src/broker/ports/coordinator.ts";
import { transactionKeysMax as keysMax } from "../../src/broker/ports/transaction-bounds.ts";

/** Where a coordinator keeps things. `open` answers one over it, empty; `reopen` the same again. */
export interface CoordinatorStore {
  open(): Promise<Coordinator>;
  reopen(closed: Coordinator): Promise<Coordinator>;
  /** Lets time go on; without it, the time of this machine does. */
  pass?(durationMs: number): Promise<void>;
}

/** What every `Coordinator` holds; those of a cluster hold `clusterCoordinatorContract` too. */
export function coordinatorContract(name: string, makeStore: () => CoordinatorStore): void {
  describe(`coordinator contract: ${name}`, () => {
    transactionContract(makeStore);
    watchContract(makeStore);
    leaseContract(makeStore);
    restartContract(makeStore);
  });
}

/** Everything that a watcher was told, and the state that it makes of it. */
export class WatchRecord implements Watcher {
  readonly revisions: number[] = [];
  readonly changes: Change[] = [];
  readonly state = new Map<string, string>();
  /** Where it was told otherwise than the port promises. */
  readonly faults: string[] = [];
  gaps = 0;

  onChanges(revision: number, changes: readonly Change[]): void {
    const before = this.revisions.at(-1) ?? 0;
    if (revision <= before) this.faults.push(`${revision} after ${before}`);
    for (const change of changes) {
      const isWithin = change.revision > before && change.revision <= revision;
      if (!isWithin) this.faults.push(`${change.revision} between ${before} and ${revision}`);
    }
    const keys = new Set(changes.map(({ key }) => key));
    if (keys.size < changes.length) this.faults.push(`a key twice at ${revision}`);
    this.revisions.push(revision);
    this.changes.push(...changes);
    for (const { key, value } of changes) {
      if (value === null) this.state.delete(key);
      else this.state.set(key, value);
    }
  }

  onGap(): void {
    this.gaps += 1;
  }

  get picture(): Record<string, string> {
    return Object.fromEntries(this.state);
  }
}

/** Waits until `check` passes, by the store's own time. */
export async function eventually(
  { pass = sleep }: Pick<CoordinatorStore, "pass">,
  check: () => void | Promise<void>,
  withinMs = 10_000,
): Promise<void> {
  for (let leftMs = withinMs; ; leftMs -= stepMs) {
    try {
      await check();
      return;
    } catch (error) {
      if (leftMs <= 0) throw error;
    }
    await pass(stepMs);
  }
}

const stepMs = 20;
const sleep = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));
export const put = (key: string, value: string): Write => ({ key, value });

export async function keysBelow(coordinator: Coordinator, prefix: string): Promise<string[]> {
  const { entries } = await coordinator.read(prefix);
  return entries.map(({ key }) => key);
}

function transactionContract(makeStore: () => CoordinatorStore): void {
  test("an empty coordinator reads as no entries", async () => {
    const coordinator = await makeStore().open();
    expect((await coordinator.read("")).entries).toEqual([]);
    await coordinator.close();
  });

  test("what was written is read at the revision that wrote it", async () => {
    const coordinator = await makeStore().open();
    const revision = await coordinator.transact([], [put("a/1", "one"), put("b/1", "two")]);
    expect(await coordinator.read("a/")).toEqual({
      revision,
      entries: [{ key: "a/1", value: "one", revision }],
    });
    await coordinator.close();
  });

  test("revisions rise with every transaction", async () => {
    const coordinator = await makeStore().open();
    const first = (await coordinator.transact([], [put("a", "1")]))!;
    const second = (await coordinator.transact([], [put("a", "2")]))!;
    expect(second).toBeGreaterThan(first);
    await coordinator.close();
  });

  test("a compare that fails changes nothing, in any of the keys", async () => {
    const coordinator = await makeStore().open();
    const revision = (await coordinator.transact([], [put("a", "1")]))!;
    const compares = [
      { key: "a", revision },
      { key: "b", revision: 7 },
    ];
    expect(await coordinator.transact(compares, [put("a", "2"), put("c", "3")])).toBeUndefined();
    expect(await keysBelow(coordinator, "")).toEqual(["a"]);
    expect((await coordinator.read("a")).entries[0]?.value).toBe("1");
    await coordinator.close();
  });

  test("revision 0 demands that the key is not there", async () => {
    const coordinator = await makeStore().open();
    const absent = [{ key: "a", revision: 0 }];
    expect(await coordinator.transact(absent, [put("a", "1")])).toBeDefined();
    expect(await coordinator.transact(absent, [put("a", "2")])).toBeUndefined();
    await coordinator.close();
  });

  test("a deleted key is gone, and may be made anew", async () => {
    const coordinator = await makeStore().open();
    await coordinator.transact([], [put("a", "1")]);
    await coordinator.transact([], [{ key: "a", value: null }]);
    expect(await keysBelow(coordinator, "")).toEqual([]);
    const absent = [{ key: "a", revision: 0 }];
    expect(await coordinator.transact(absent, [put("a", "2")])).toBeDefined();
    await coordinator.close();
  });

  test("of many that make the same key at once, one wins", async () => {
    const coordinator = await makeStore().open();
    const tries = Array.from({ length: 20 }, (_, at) =>
      coordinator.transact([{ key: "a", revision: 0 }], [put("a", String(at))]),
    );
    const winners = (await Promise.all(tries)).filter((revision) => revision !== undefined);
    expect(winners.length).toBe(1);
    await coordinator.close();
  });

  test("values of any text come back equal", async () => {
    const coordinator = await makeStore().open();
    const value = `{"line":"a\\nb"}\n\u0000é\u{1f600}"\\`;
    await coordinator.transact([], [put("a", value)]);
    expect((await coordinator.read("a")).entries[0]?.value).toBe(value);
    await coordinator.close();
  });

  test("a transaction over as many keys as may be is applied whole or not at all", async () => {
    const coordinator = await makeStore().open();
    const keys = Array.from({ length: keysMax }, (_, at) => `k/${String(at).padStart(2, "0")}`);
    const absent = keys.map((key) => ({ key, revision: 0 }));
    const writes = keys.map((key) => put(key, `of ${key}`));
    const revision = await coordinator.transact(absent, writes);
    const { entries } = await coordinator.read("k/");
    expect(entries).toEqual(writes.map((write) => ({ ...write, revision })));
    await coordinator.transact([], [{ key: keys.at(-1)!, value: null }]);
    expect(await coordinator.transact(absent, writes)).toBeUndefined();
    expect((await keysBelow(coordinator, "k/")).length).toBe(keysMax - 1);
    await coordinator.close();
  });

  test("a value of 200 KiB comes back equal", async () => {
    const coordinator = await makeStore().open();
    const value = JSON.stringify("é".repeat(100_000));
    await coordinator.transact([], [put("big", value)]);
    expect((await coordinator.read("big")).entries[0]?.value === value).toBe(true);
    await coordinator.close();
  });

  test("a compare alone tells whether it holds", async () => {
    const coordinator = await makeStore().open();
    const revision = (await coordinator.transact([], [put("a", "1")]))!;
    expect(await coordinator.transact([{ key: "a", revision }], [])).toBeDefined();
    expect(await coordinator.transact([{ key: "b", revision }], [])).toBeUndefined();
    expect((await coordinator.read("a")).entries[0]?.revision).toBe(revision);
    await coordinator.close();
  });
}

function watchContract(makeStore: () => CoordinatorStore): void {
  test("a watcher is told of changes below its prefix only, at rising revisions", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    const seen = new WatchRecord();
    coordinator.watch("a/", (await coordinator.read("a/")).revision, seen);
    await coordinator.transact([], [put("a/1", "x"), put("b/1", "y")]);
    await coordinator.transact([], [put("b/2", "y")]);
    await coordinator.transact([], [put("a/2", "z"), { key: "a/1", value: null }]);
    await eventually(store, () => expect(seen.picture).toEqual({ "a/2": "z" }));
    expect(seen.changes.every(({ key }) => key.startsWith("a/"))).toBe(true);
    expect(seen.faults).toEqual([]);
    await coordinator.close();
  });

  test("a watcher that starts at an older revision is told what came since", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    await coordinator.transact([], [put("a", "1"), put("b", "1")]);
    const { revision } = await coordinator.read("");
    await coordinator.transact([], [put("a", "2")]);
    await coordinator.transact([], [{ key: "b", value: null }]);
    const seen = new WatchRecord();
    coordinator.watch("", revision, seen);
    await eventually(store, () => {
      expect(seen.picture).toEqual({ a: "2" });
      expect(seen.changes.at(-1)).toMatchObject({ key: "b", value: null });
    });
    await coordinator.close();
  });

  test("a change is told at the revision that wrote it", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    const seen = new WatchRecord();
    coordinator.watch("", (await coordinator.read("")).revision, seen);
    const revision = (await coordinator.transact([], [put("a", "1")]))!;
    await eventually(store, () => expect(seen.changes).toEqual([{ ...put("a", "1"), revision }]));
    expect(seen.revisions.at(-1)).toBeGreaterThanOrEqual(revision);
    await coordinator.close();
  });

  test("a watcher that stopped is told nothing more", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    const stopped = new WatchRecord();
    const seen = new WatchRecord();
    const { revision } = await coordinator.read("");
    coordinator.watch("", revision, stopped)();
    coordinator.watch("", revision, seen);
    await coordinator.transact([], [put("a", "1")]);
    await eventually(store, () => expect(seen.picture).toEqual({ a: "1" }));
    expect([...stopped.revisions, stopped.gaps]).toEqual([0]);
    await coordinator.close();
  });

  test("a change that failed its compare is told to nobody", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    const seen = new WatchRecord();
    coordinator.watch("", (await coordinator.read("")).revision, seen);
    await coordinator.transact([{ key: "a", revision: 3 }], [put("a", "1")]);
    await coordinator.transact([], [put("b", "1")]);
    await eventually(store, () => expect(seen.picture).toEqual({ b: "1" }));
    await coordinator.close();
  });

  test("who watches from a revision that never was is told to read again", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    const seen = new WatchRecord();
    coordinator.watch("", (await coordinator.read("")).revision + 1_000_000, seen);
    await eventually(store, () => expect(seen.gaps).toBe(1));
    expect(seen.revisions).toEqual([]);
    await coordinator.close();
  });

  test("of thirty watchers each is told all", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    const { revision } = await coordinator.read("");
    const watchers = Array.from({ length: 30 }, () => new WatchRecord());
    for (const watcher of watchers) coordinator.watch("", revision, watcher);
    for (let at = 0; at < 20; at += 1) {
      await coordinator.transact([], [put(`k${at % 7}`, String(at))]);
    }
    const { entries } = await coordinator.read("");
    const all = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
    await eventually(store, () => {
      for (const { picture } of watchers) expect(picture).toEqual(all);
    });
    expect(watchers.flatMap(({ faults }) => faults)).toEqual([]);
    await coordinator.close();
  });
}

function leaseContract(makeStore: () => CoordinatorStore): void {
  test("a key bound to a lease names it, and vanishes when it is revoked", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    const seen = new WatchRecord();
    coordinator.watch("", (await coordinator.read("")).revision, seen);
    const lease = await coordinator.lease(2_000);
    expect(lease.ttlMs).toBeGreaterThanOrEqual(2_000);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }, put("free", "1")]);
    const [entry] = (await coordinator.read("bound")).entries;
    expect(entry?.lease).toBe(lease.id);
    await lease.revoke();
    expect(lease.holdsUntilMs).toBe(Number.NEGATIVE_INFINITY);
    expect(await keysBelow(coordinator, "")).toEqual(["free"]);
    await eventually(store, () => expect(seen.picture).toEqual({ free: "1" }));
    await coordinator.close();
  });

  test("a key written again without the lease outlives it", async () => {
    const coordinator = await makeStore().open();
    const lease = await coordinator.lease(2_000);
    await coordinator.transact(
      [],
      [
        { ...put("a", "1"), lease },
        { ...put("b", "1"), lease },
      ],
    );
    await coordinator.transact([], [put("a", "2")]);
    await lease.revoke();
    expect(await keysBelow(coordinator, "")).toEqual(["a"]);
    expect((await coordinator.read("a")).entries[0]?.lease).toBeUndefined();
    await coordinator.close();
  });

  test("a write bound to a lease that has ended changes nothing, and says so", async () => {
    const coordinator = await makeStore().open();
    const lease = await coordinator.lease(2_000);
    await lease.revoke();
    await expect(
      coordinator.transact([], [put("free", "1"), { ...put("bound", "1"), lease }]),
    ).rejects.toMatchObject({ code: "STALE_BROKER_EPOCH" });
    expect(await keysBelow(coordinator, "")).toEqual([]);
    await coordinator.close();
  });

  test("a lease is ended by its id, and an unknown one without a word", async () => {
    const coordinator = await makeStore().open();
    const lease = await coordinator.lease(2_000);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    const [entry] = (await coordinator.read("bound")).entries;
    await coordinator.revoke(entry!.lease!);
    expect(await keysBelow(coordinator, "")).toEqual([]);
    await coordinator.revoke(entry!.lease!);
    await coordinator.close();
  });

  test("leases end apart from each other", async () => {
    const coordinator = await makeStore().open();
    const [one, two] = [await coordinator.lease(2_000), await coordinator.lease(2_000)];
    expect(one.id).not.toBe(two.id);
    await coordinator.transact([], [{ ...put("1", ""), lease: one }]);
    await coordinator.transact([], [{ ...put("2", ""), lease: two }]);
    await one.revoke();
    expect(await keysBelow(coordinator, "")).toEqual(["2"]);
    await coordinator.close();
  });
}

function restartContract(makeStore: () => CoordinatorStore): void {
  test("entries and their revisions outlive a restart", async () => {
    const store = makeStore();
    const coordinator = await store.open();
    await coordinator.transact([], [put("a", "1")]);
    await coordinator.transact([], [put("b", "1"), put("a", "2")]);
    await coordinator.transact([], [{ key: "b", value: null }]);
    const before = await coordinator.read("");
    await coordinator.close();
    const again = await store.reopen(coordinator);
    const after = await again.read("");
    expect(after.entries).toEqual(before.entries);
    expect(after.revision).toBeGreaterThanOrEqual(before.revision);
    const [entry] = before.entries;
    const compares = [{ key: "a", revision: entry!.revision }];
    expect(await again.transact(compares, [put("a", "3")])).toBeGreaterThan(before.revision);
    await again.close();
  });
}
