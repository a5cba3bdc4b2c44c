import { assert } from "../../base/assert.ts";
import { parseJsonObject } from "../../base/json-object.ts";
import { XylemError } from "../../base/errors.ts";
import type { Configs } from "../configs/config-store.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import { Turns } from "../turns.ts";
import { type CoordinatorFeed, type FeedNews, isNews } from "../cluster/coordinator-feed.ts";
import { unlessRaced } from "../cluster/unless-raced.ts";
import { bucketNameOf } from "./bucket-name.ts";

/** Topics named `<bucket>.<stream>`, up to the first dot, with configs that they inherit. */
export interface Bucket {
  readonly name: string;
  /** Topic settings and the bucket's own, in their plain text form. */
  readonly configs: Configs;
}

interface Kept extends Bucket {
  readonly revision: number;
}

const prefix = "buckets/";

/** The buckets that were created: an image in memory of what the coordinator keeps. */
export class Buckets {
  readonly #coordinator: Coordinator;
  readonly #feed: CoordinatorFeed | undefined;
  readonly #kept = new Map<string, Kept>();
  readonly #turns = new Turns();

  private constructor(coordinator: Coordinator, feed: CoordinatorFeed | undefined) {
    this.#coordinator = coordinator;
    this.#feed = feed;
  }

  /** With a feed they follow what other nodes change, which `onNews` is told. */
  static async open(
    coordinator: Coordinator,
    feed?: CoordinatorFeed,
    onNews?: () => void,
  ): Promise<Buckets> {
    const buckets = new Buckets(coordinator, feed);
    const following = feed?.followLater(prefix, (news) => {
      if (buckets.#take(news)) onNews?.();
    });
    const { entries } = await coordinator.read(prefix);
    for (const { key, value, revision } of entries) {
      const name = key.slice(prefix.length);
      buckets.#kept.set(name, { name, configs: parseEntry(key, value), revision });
    }
    following?.release();
    return buckets;
  }

  get count(): number {
    return this.#kept.size;
  }

  find(name: string): Bucket | undefined {
    return this.#kept.get(name);
  }

  /** The bucket that holds a topic of this name. */
  of(topic: string): Bucket | undefined {
    const name = this.#kept.size === 0 ? undefined : bucketNameOf(topic);
    return name === undefined ? undefined : this.#kept.get(name);
  }

  /** Sorted by name. */
  list(): readonly Bucket[] {
    return [...this.#kept.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Replaces a bucket's configs, or makes the bucket where `change` is told of none; durable when
   * it resolves. What `change` throws leaves everything as it is.
   */
  put(name: string, change: (current: Bucket | undefined) => Configs): Promise<void> {
    return this.#turns.take(name, () =>
      unlessRaced(this.#feed, prefix + name, () => this.#put(name, change)),
    );
  }

  /** Forgets a bucket; durable when it resolves. What `check` throws leaves it as it is. */
  remove(name: string, check: () => void): Promise<void> {
    return this.#turns.take(name, () =>
      unlessRaced(this.#feed, prefix + name, () => this.#remove(name, check)),
    );
  }

  async #put(name: string, change: (current: Bucket | undefined) => Configs): Promise<void> {
    const kept = this.#kept.get(name);
    const configs = change(kept);
    const value = JSON.stringify({ configs: Object.fromEntries(configs) });
    const revision = await this.#write(name, value);
    this.#kept.set(name, { name, configs, revision });
  }

  async #remove(name: string, check: () => void): Promise<void> {
    check();
    await this.#write(name, null);
    this.#kept.delete(name);
  }

  async #write(name: string, value: string | null): Promise<number> {
    const key = prefix + name;
    const compares = [{ key, revision: this.#kept.get(name)?.revision ?? 0 }];
    const revision = await this.#coordinator.transact(compares, [{ key, value }]);
    if (revision !== undefined) return revision;
    throw new XylemError("NOT_CONTROLLER", `The bucket ${name} changed meanwhile`);
  }

  /** Whether any of it was news. */
  #take(news: FeedNews): boolean {
    let isNew = false;
    for (const change of news.changes) {
      const name = change.key.slice(prefix.length);
      if (!isNews(change, this.#kept.get(name)?.revision ?? 0, news)) continue;
      isNew = true;
      const { key, value, revision } = change;
      if (value === null) this.#kept.delete(name);
      else this.#kept.set(name, { name, configs: parseEntry(key, value), revision });
    }
    return isNew;
  }
}

function parseEntry(key: string, text: string): Configs {
  const configs = parseJsonObject(text)?.["configs"];
  const isWhole = typeof configs === "object" && configs !== null;
  assert(isWhole, `the coordinator's entry ${key} is not one of ours: ${text}`);
  return new Map(Object.entries(configs as Record<string, string>));
}
