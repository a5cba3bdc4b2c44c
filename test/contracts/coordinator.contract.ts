import { describe, expect, test } from "vitest";
import type { Coordinator, Write } from "../../src/broker/ports/coordinator.ts";

type Seen = { readonly revision: number; readonly changes: readonly Write[] };

/** Where a coordinator keeps things. `open` answers one over it, empty; `reopen` the same again. */
export interface CoordinatorStore {
  open(): Promise<Coordinator>;
  reopen(closed: Coordinator): Promise<Coordinator>;
}

/** What every `Coordinator` holds. */
export function coordinatorContract(name: string, makeStore: () => CoordinatorStore): void {
  describe(`coordinator contract: ${name}`, () => {
    transactionContract(makeStore);
    watchContract(makeStore);
    restartContract(makeStore);
  });
}

const put = (key: string, value: string): Write => ({ key, value });
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

async function keysBelow(coordinator: Coordinator, prefix: string): Promise<string[]> {
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
}

function watchContract(makeStore: () => CoordinatorStore): void {
  test("a watcher is told of changes below its prefix only, at rising revisions", async () => {
    const coordinator = await makeStore().open();
    const seen: Seen[] = [];
    coordinator.watch("a/", (await coordinator.read("a/")).revision, (revision, changes) => {
      seen.push({ revision, changes: changes.map(({ key, value }) => ({ key, value })) });
    });
    await coordinator.transact([], [put("a/1", "x"), put("b/1", "y")]);
    await coordinator.transact([], [put("b/2", "y")]);
    await coordinator.transact([], [{ key: "a/1", value: null }]);
    await expect.poll(() => seen.flatMap(({ changes }) => changes).at(-1)?.value).toBe(null);
    const keys = seen.flatMap(({ changes }) => changes.map(({ key }) => key));
    expect(new Set(keys)).toEqual(new Set(["a/1"]));
    const revisions = seen.map(({ revision }) => revision);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    await coordinator.close();
  });

  test("a watcher that starts at an older revision is told what came since", async () => {
    const coordinator = await makeStore().open();
    await coordinator.transact([], [put("a", "1"), put("b", "1")]);
    const { revision } = await coordinator.read("");
    await coordinator.transact([], [put("a", "2")]);
    await coordinator.transact([], [{ key: "b", value: null }]);
    const last = new Map<string, string | null>();
    coordinator.watch("", revision, (_, changes) => {
      for (const { key, value } of changes) last.set(key, value);
    });
    await expect.poll(() => Object.fromEntries(last)).toEqual({ a: "2", b: null });
    await coordinator.close();
  });

  test("a watcher that stopped is told nothing more", async () => {
    const coordinator = await makeStore().open();
    let calls = 0;
    const stop = coordinator.watch("", 0, () => calls++);
    stop();
    await coordinator.transact([], [put("a", "1")]);
    await settle();
    expect(calls).toBe(0);
    await coordinator.close();
  });

  test("a change that failed its compare is told to nobody", async () => {
    const coordinator = await makeStore().open();
    let calls = 0;
    coordinator.watch("", 0, () => calls++);
    await coordinator.transact([{ key: "a", revision: 3 }], [put("a", "1")]);
    await settle();
    expect(calls).toBe(0);
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
    expect(await again.read("")).toEqual(before);
    const [entry] = before.entries;
    const compares = [{ key: "a", revision: entry!.revision }];
    expect(await again.transact(compares, [put("a", "3")])).toBeGreaterThan(before.revision);
    await again.close();
  });
}
