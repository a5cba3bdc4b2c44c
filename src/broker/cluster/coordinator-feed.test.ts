import { describe, expect, test } from "vitest";
import { KeptLog } from "../../../test/support/kept-log.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type {
  Change,
  Coordinator,
  CoordinatorEntry,
  CoordinatorState,
  Watcher,
} from "../ports/coordinator.ts";
import { CoordinatorFeed, type FeedNews, isNews } from "./coordinator-feed.ts";

/** States that a test puts in place of each other; changes and gaps are told when it says so. */
class ScriptedCoordinator implements Coordinator {
  state: CoordinatorState = { revision: 0, entries: [] };
  isDown = false;
  watcher: Watcher | undefined;
  watchedFrom = -1;

  async read(prefix: string): Promise<CoordinatorState> {
    if (this.isDown) throw new Error("it is down");
    const entries = this.state.entries.filter(({ key }) => key.startsWith(prefix));
    return { ...this.state, entries };
  }

  watch(_prefix: string, fromRevision: number, watcher: Watcher): () => void {
    this.watchedFrom = fromRevision;
    this.watcher = watcher;
    return () => (this.watcher = undefined);
  }

  transact = () => Promise.reject(new Error("nothing is written here"));
  lease = () => Promise.reject(new Error("there are no leases here"));
  revoke = () => Promise.resolve();
  close = () => Promise.resolve();
}

const entry = (key: string, revision: number): CoordinatorEntry => ({
  key,
  value: `of ${revision}`,
  revision,
});
const deleted = (key: string, revision: number): Change => ({ key, value: null, revision });

async function openFeed(state: CoordinatorState) {
  const coordinator = new ScriptedCoordinator();
  coordinator.state = state;
  const clock = new VirtualClock();
  const log = new KeptLog();
  const [feed] = await CoordinatorFeed.open({ coordinator, clock, log });
  const told: FeedNews[] = [];
  feed.follow("", (news) => told.push(news));
  return { coordinator, clock, log, feed, told };
}

describe("a feed", () => {
  test("watches from the state that it read, and tells of keys below a prefix", async () => {
    const { coordinator, feed } = await openFeed({ revision: 7, entries: [entry("a/1", 3)] });
    const told: (readonly Change[])[] = [];
    feed.follow("a/", ({ changes }) => told.push(changes));
    expect(coordinator.watchedFrom).toBe(7);
    coordinator.watcher?.onChanges(8, [entry("a/2", 8), entry("b/1", 8)]);
    coordinator.watcher?.onChanges(9, [entry("b/1", 9)]);
    expect(told).toEqual([[entry("a/2", 8)]]);
    expect([feed.revisionOf("a/1"), feed.revisionOf("b/1"), feed.revisionOf("c")]).toEqual([
      3, 9, 0,
    ]);
  });

  test("goes on for all when one of its followers fails, and says of which keys", async () => {
    const { coordinator, feed, log } = await openFeed({ revision: 7, entries: [] });
    feed.follow("a/", () => {
      throw new Error("not one of ours");
    });
    const told: (readonly Change[])[] = [];
    feed.follow("a/", ({ changes }) => told.push(changes));
    coordinator.watcher?.onChanges(8, [entry("a/2", 8)]);
    expect(told).toEqual([[entry("a/2", 8)]]);
    expect(log.withLevel("error").map(({ fields }) => fields)).toEqual([
      { keys: "a/2", why: "not one of ours" },
    ]);
  });

  test("is waited for until all followers were told", async () => {
    const { coordinator, feed, told } = await openFeed({ revision: 1, entries: [] });
    coordinator.state = { revision: 3, entries: [entry("a", 3)] };
    let isThere = false;
    const waiting = feed.catchUp("a").then(() => (isThere = true));
    await Promise.resolve();
    coordinator.watcher?.onChanges(2, []);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isThere).toBe(false);
    coordinator.watcher?.onChanges(3, [entry("a", 3)]);
    await waiting;
    expect(told.at(-1)?.revision).toBe(3);
  });

  test("waits for no revision that tells nothing of the key", async () => {
    const { coordinator, feed } = await openFeed({ revision: 1, entries: [entry("a", 1)] });
    coordinator.state = { revision: 50, entries: [entry("a", 1)] };
    await feed.catchUp("a");
    await feed.catchUp("b");
  });

  test("that is closed keeps nobody waiting", async () => {
    const { feed } = await openFeed({ revision: 1, entries: [] });
    const waiting = feed.whenReached(2);
    feed.close();
    await expect(waiting).rejects.toMatchObject({ code: "BROKER_NOT_AVAILABLE" });
    await expect(feed.whenReached(2)).rejects.toMatchObject({ code: "BROKER_NOT_AVAILABLE" });
  });
});

describe("after a gap in the coordinator's history", () => {
  test("a state counts as older by a key that went back, whatever its own revision", async () => {
    const entries = [entry("a", 3), entry("b", 5)];
    const { coordinator, log, told } = await openFeed({ revision: 5, entries });
    coordinator.state = { revision: 1_000, entries: [entry("a", 3), entry("b", 4)] };
    coordinator.watcher?.onGap();
    await new Promise((resolve) => setImmediate(resolve));
    coordinator.state = { revision: 1_001, entries: [entry("a", 1_001), entry("b", 4)] };
    coordinator.watcher?.onGap();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told.map(({ isAnew }) => isAnew)).toEqual([true, false]);
    const [{ fields } = {}] = log.withLevel("error");
    expect(fields).toEqual({ key: "b", revision: 4, was: 5 });
  });

  test("a state counts as another one by a value, where revisions come again", async () => {
    const entries = [entry("a", 3), entry("b", 5)];
    const { coordinator, feed, told } = await openFeed({ revision: 5, entries });
    const other = { ...entry("b", 5), value: "another one" };
    coordinator.state = { revision: 9, entries: [entry("a", 3), other] };
    coordinator.watcher?.onGap();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([{ revision: 9, changes: [other], isAnew: true }]);
    expect(isNews(other, 5, { revision: 9, changes: [other], isAnew: true })).toBe(true);
    expect(feed.valueOf("b")).toBe("another one");
  });

  test("the difference is told, deletions included, and the watch goes on", async () => {
    const entries = [entry("a", 1), entry("b", 2), entry("c", 3)];
    const { coordinator, told } = await openFeed({ revision: 3, entries });
    coordinator.state = { revision: 9, entries: [entry("a", 1), entry("b", 8), entry("d", 9)] };
    coordinator.watcher?.onGap();
    await new Promise((resolve) => setImmediate(resolve));
    const changes = [entry("b", 8), entry("d", 9), deleted("c", 9)];
    expect(told).toEqual([{ revision: 9, changes, isAnew: false }]);
    expect(coordinator.watchedFrom).toBe(9);
  });

  test("it is read again until the coordinator answers", async () => {
    const { coordinator, clock, told } = await openFeed({ revision: 3, entries: [] });
    coordinator.isDown = true;
    coordinator.watcher?.onGap();
    await new Promise((resolve) => setImmediate(resolve));
    coordinator.isDown = false;
    coordinator.state = { revision: 4, entries: [entry("a", 4)] };
    await clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([{ revision: 4, changes: [entry("a", 4)], isAnew: false }]);
  });

  test("a state from before is taken, and said to be no newer one", async () => {
    const entries = [entry("a", 1), entry("b", 9)];
    const { coordinator, feed, log, told } = await openFeed({ revision: 9, entries });
    const waiting = feed.whenReached(10);
    coordinator.state = { revision: 5, entries: [entry("a", 1), entry("b", 4)] };
    coordinator.watcher?.onGap();
    await waiting;
    expect(told).toEqual([{ revision: 5, changes: [entry("b", 4)], isAnew: true }]);
    expect(log.withLevel("error")).toHaveLength(1);
  });
});
