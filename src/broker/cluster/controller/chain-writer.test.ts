import { expect, test } from "vitest";
import { KeptLog } from "../../../../test/support/kept-log.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import type { ChainChange } from "../../../replication/controller/chain-change.ts";
import type { Compare, Coordinator, Write } from "../../ports/coordinator.ts";
import { checkTransaction } from "../../ports/transaction-bounds.ts";
import { ChainWriter } from "./chain-writer.ts";

const office = { key: "controller", revision: 7 };

/** A coordinator in which some chains are of another revision than was decided on. */
class Store {
  readonly transactions: (readonly string[])[] = [];
  readonly written: string[] = [];
  readonly changed = new Set<string>();
  readonly clock = new VirtualClock();
  readonly log = new KeptLog();
  fails = false;
  isInOffice = true;
  readonly refused: string[] = [];

  transact(compares: readonly Compare[], writes: readonly Write[]): Promise<number | undefined> {
    checkTransaction(compares, writes);
    const keys = writes.map(({ key }) => key);
    this.transactions.push(keys);
    if (this.fails) return Promise.reject(new Error("no answer"));
    const areSame = compares.every(({ key }) => !this.changed.has(key));
    expect(compares[0]).toEqual(office);
    if (!areSame) return Promise.resolve(undefined);
    this.written.push(...keys);
    return Promise.resolve(this.written.length);
  }

  async write(changes: readonly ChainChange[]): Promise<void> {
    const writer = new ChainWriter({
      coordinator: this as unknown as Coordinator,
      clock: this.clock,
      log: this.log,
      office,
      isInOffice: () => this.isInOffice,
      onRefused: (key) => void this.refused.push(key),
    });
    const writing = writer.write(changes);
    await this.clock.advance(1_000);
    await writing;
  }
}

function changes(count: number, members = 3): ChainChange[] {
  const all = Array.from({ length: members }, (_, id) => ({
    id,
    incarnation: "i".repeat(22),
    lineage: "l".repeat(22),
  }));
  return Array.from({ length: count }, (_, partition) => ({
    key: `chains/t/${partition}`,
    revision: 3,
    reason: "a test",
    nodes: [],
    config: { epoch: 2, members: all, joining: [], leaving: [], unclean: 0, replicas: [1] },
  }));
}

test("thousands of changes go in transactions as large as a coordinator takes", async () => {
  const store = new Store();
  await store.write(changes(5_000));
  expect(store.transactions.length).toBe(Math.ceil(5_000 / 62));
  expect(new Set(store.written).size).toBe(5_000);
});

test("chains of very many members are bounded by bytes", async () => {
  const store = new Store();
  await store.write(changes(100, 100));
  expect(store.transactions.length).toBeGreaterThan(4);
  expect(store.written.length).toBe(100);
});

test("where one chain has changed meanwhile the others are written all the same", async () => {
  const store = new Store();
  store.changed.add("chains/t/5");
  await store.write(changes(100));
  expect(store.written.length).toBe(99);
  expect(store.refused).toEqual(["chains/t/5"]);
});

test("a change that compares nodes goes by itself, of two of one chain the first", async () => {
  const store = new Store();
  const [one, two, three] = changes(3) as [ChainChange, ChainChange, ChainChange];
  const unclean = { ...two, nodes: [{ id: 4, revision: 0 }] };
  await store.write([one, unclean, three, { ...three, reason: "another" }]);
  expect(store.transactions).toEqual([[two.key], [one.key, three.key]]);
  expect(store.refused).toEqual([three.key]);
});

test("without an answer all are decided anew; who is not in office writes nothing", async () => {
  const store = new Store();
  store.fails = true;
  await store.write(changes(70));
  expect(store.refused.length).toBe(70);
  store.fails = false;
  store.isInOffice = false;
  await store.write(changes(70));
  expect(store.transactions.length).toBe(2);
});

test("of chains that change together each is named, of many how many and why", async () => {
  const store = new Store();
  await store.write(changes(20));
  expect(store.log.withLevel("info")).toHaveLength(20);
  store.log.lines.length = 0;
  const reasons = ["node 1 gone", "node 2 gone"];
  await store.write(
    changes(60).map((change, at) => ({ ...change, reason: reasons[at % 3] ?? "node 3 gone" })),
  );
  expect(store.log.withLevel("debug")).toHaveLength(60);
  expect(store.log.withLevel("info").map(({ fields }) => fields)).toEqual(
    [...reasons, "node 3 gone"].map((reason) => ({ chains: 20, reason })),
  );
});
