import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type {
  Change,
  Coordinator,
  CoordinatorEntry,
  CoordinatorState,
} from "../ports/coordinator.ts";

/** Time between two tries to read everything anew. */
const rereadDelayMs = 1_000;
/** Keys that are named when news can not be followed. */
const namedMax = 10;

export interface FeedOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
}

/** Changes that make the state that of `revision`; of each key the newest one. */
export interface FeedNews {
  readonly revision: number;
  readonly changes: readonly Change[];
  /**
   * The coordinator went back to an older state, as one restored from a backup does: revisions say
   * nothing about what is newer.
   */
  readonly isAnew: boolean;
}

export type FeedListener = (news: FeedNews) => void;

interface Follower {
  readonly prefix: string;
  readonly listener: FeedListener;
}

/** What followers were told of a key last. */
type Known = Pick<CoordinatorEntry, "value" | "revision">;

interface Waiter {
  readonly isMet: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: XylemError) => void;
}

/**
 * Everything that the coordinator holds, as one stream of consistent states for all of this node.
 * When history is lost in between, all is read again and told as the difference. Followers are
 * called in the order in which they came, so that who comes first is ahead of all others.
 */
export class CoordinatorFeed {
  readonly #options: FeedOptions;
  readonly #followers = new Set<Follower>();
  readonly #known = new Map<string, Known>();
  #waiters: Waiter[] = [];
  #revision = 0;
  #unwatch = (): void => {};
  #cancel = (): void => {};
  #isClosed = false;

  private constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Answers the feed and the state it begins with; followers are told of what comes after. */
  static async open(options: FeedOptions): Promise<[CoordinatorFeed, CoordinatorState]> {
    const feed = new CoordinatorFeed(options);
    const state = await options.coordinator.read("");
    feed.#take(state);
    feed.#watch();
    return [feed, state];
  }

  /** That of the state which all followers were told. */
  get revision(): number {
    return this.#revision;
  }

  /** That which wrote a key's value, as far as followers were told; 0: there is no such key. */
  revisionOf(key: string): number {
    return this.#known.get(key)?.revision ?? 0;
  }

  /** A key's value, as far as followers were told; undefined: there is no such key. */
  valueOf(key: string): string | undefined {
    return this.#known.get(key)?.value;
  }

  /** Tells of changes below a prefix, until the answer is called. It must not throw. */
  follow(prefix: string, listener: FeedListener): () => void {
    const follower = { prefix, listener };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /**
   * The same, but tells nothing before `release` is called: its caller reads what is there in the
   * meantime, and misses nothing.
   */
  followLater(
    prefix: string,
    listener: FeedListener,
  ): { readonly release: () => void; readonly stop: () => void } {
    let held: FeedNews[] | undefined = [];
    const stop = this.follow(prefix, (news) => {
      if (held === undefined) listener(news);
      else held.push(news);
    });
    const release = (): void => {
      const late = held ?? [];
      held = undefined;
      for (const news of late) listener(news);
    };
    return { release, stop };
  }

  /**
   * Resolves once all followers were told the state of that revision, which wrote a key of this
   * cluster. Rejects when the feed is closed before.
   */
  whenReached(revision: number): Promise<void> {
    return this.#wait(() => revision <= this.#revision);
  }

  /** Resolves once all followers were told what was so of a key when it was called. */
  async catchUp(key: string): Promise<void> {
    const { entries, revision } = await this.#options.coordinator.read(key);
    const entry = entries.find((one) => one.key === key);
    // The coordinator may be others' too: not every revision of it is ever told.
    await this.#wait(() => {
      if (revision <= this.#revision) return true;
      const known = this.revisionOf(key);
      return entry === undefined ? known === 0 : known >= entry.revision;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    this.#cancel();
    for (const { reject } of this.#waiters) reject(closed());
    this.#waiters = [];
  }

  #take({ revision, entries }: CoordinatorState): void {
    this.#revision = revision;
    this.#known.clear();
    for (const { key, value, revision: at } of entries)
      this.#known.set(key, { value, revision: at });
  }

  #watch(): void {
    this.#unwatch = this.#options.coordinator.watch("", this.#revision, {
      onChanges: (revision, changes) => {
        if (this.#isClosed) return;
        for (const { key, value, revision: at } of changes) {
          if (value === null) this.#known.delete(key);
          else this.#known.set(key, { value, revision: at });
        }
        this.#tell({ revision, changes, isAnew: false });
      },
      onGap: () => {
        this.#options.log.warn("the coordinator's history has a gap; its state is read again");
        void this.#reread();
      },
    });
  }

  async #reread(): Promise<void> {
    if (this.#isClosed) return;
    const { coordinator, clock, log } = this.#options;
    try {
      const state = await coordinator.read("");
      if (this.#isClosed) return;
      const older = findOlder(this.#revision, this.#known, state);
      const isAnew = older !== undefined;
      if (isAnew) log.error("the coordinator's state went back in time", { ...older });
      const changes = differences(this.#known, state);
      this.#take(state);
      this.#tell({ revision: state.revision, changes, isAnew });
      this.#watch();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn("the coordinator's state could not be read", { why });
      if (!this.#isClosed) this.#cancel = clock.schedule(rereadDelayMs, () => void this.#reread());
    }
  }

  #tell(news: FeedNews): void {
    this.#revision = news.revision;
    for (const { prefix, listener } of this.#followers) {
      const changes =
        prefix === "" ? news.changes : news.changes.filter(({ key }) => key.startsWith(prefix));
      if (changes.length > 0 || prefix === "") this.#call(listener, { ...news, changes });
    }
    // What was waited for in a state that was taken back never comes.
    const isOver = ({ isMet }: Waiter): boolean => news.isAnew || isMet();
    const over = this.#waiters.filter(isOver);
    this.#waiters = this.#waiters.filter((waiter) => !over.includes(waiter));
    for (const { resolve } of over) resolve();
  }

  /** One that fails takes no news from the others, nor the watch along. */
  #call(listener: FeedListener, news: FeedNews): void {
    try {
      listener(news);
    } catch (error) {
      const named = news.changes.slice(0, namedMax);
      const keys = named.map(({ key }) => key).join(", ");
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log.error("what the coordinator tells can not be followed", { keys, why });
    }
  }

  #wait(isMet: () => boolean): Promise<void> {
    if (this.#isClosed) return Promise.reject(closed());
    if (isMet()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ isMet, resolve, reject });
    });
  }
}

/** Whether a change tells something that is not yet known of a key; 0: the key is not known. */
export function isNews(change: Change, knownRevision: number, { isAnew }: FeedNews): boolean {
  return isAnew || change.revision > knownRevision;
}

function differences(
  known: ReadonlyMap<string, Known>,
  { entries, revision }: CoordinatorState,
): readonly Change[] {
  const changes: Change[] = entries.filter((entry) => {
    const before = known.get(entry.key);
    return before?.revision !== entry.revision || before.value !== entry.value;
  });
  const present = new Set(entries.map(({ key }) => key));
  for (const key of known.keys()) {
    if (!present.has(key)) changes.push({ key, value: null, revision });
  }
  return changes;
}

/**
 * What shows that a state is of another history than what is known: the revision, or that of a key,
 * as a restored etcd may be told to count on from a later one. Revisions come again with other
 * values. Undefined: nothing does.
 */
function findOlder(
  knownRevision: number,
  known: ReadonlyMap<string, Known>,
  { entries, revision }: CoordinatorState,
): { readonly key?: string; readonly revision: number; readonly was: number } | undefined {
  if (revision < knownRevision) return { revision, was: knownRevision };
  for (const { key, value, revision: at } of entries) {
    const before = known.get(key);
    if (before === undefined || at > before.revision) continue;
    if (at < before.revision || value !== before.value) {
      return { key, revision: at, was: before.revision };
    }
  }
  return undefined;
}

function closed(): XylemError {
  return new XylemError("BROKER_NOT_AVAILABLE", "The node stops");
}
