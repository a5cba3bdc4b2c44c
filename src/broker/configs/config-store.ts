import { assert } from "../../base/assert.ts";
import { parseJsonObject } from "../../base/json-object.ts";
import { XylemError } from "../../base/errors.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import { Turns } from "../turns.ts";
import { type CoordinatorFeed, type FeedNews, isNews } from "../cluster/coordinator-feed.ts";
import { unlessRaced } from "../cluster/unless-raced.ts";

/** The configs of one resource by name, in their plain text form. */
export type Configs = ReadonlyMap<string, string>;

interface Kept {
  readonly configs: Configs;
  readonly revision: number;
}

const prefix = "configs/";
const nothing: Kept = { configs: new Map(), revision: 0 };

/** Keys of the store: `brokers/default`, `brokers/<node id>`, `groups/<group>`. */
export const clusterKey = "brokers/default";
export const nodeKey = (nodeId: number): string => `brokers/${nodeId}`;
export const groupKey = (group: string): string => `groups/${encodeURIComponent(group)}`;

declare function encodeURIComponent(text: string): string;

/** Dynamic configs of nodes and groups: an image in memory of what the coordinator keeps. */
export class ConfigStore {
  readonly #coordinator: Coordinator;
  readonly #feed: CoordinatorFeed | undefined;
  readonly #kept = new Map<string, Kept>();
  readonly #turns = new Turns();

  private constructor(coordinator: Coordinator, feed: CoordinatorFeed | undefined) {
    this.#coordinator = coordinator;
    this.#feed = feed;
  }

  /** With a feed it follows what other nodes change; `onNews` is told the keys. */
  static async open(
    coordinator: Coordinator,
    feed?: CoordinatorFeed,
    onNews?: () => void,
  ): Promise<ConfigStore> {
    const store = new ConfigStore(coordinator, feed);
    const following = feed?.followLater(prefix, (news) => {
      if (store.#take(news)) onNews?.();
    });
    const { entries } = await coordinator.read(prefix);
    for (const { key, value, revision } of entries) {
      store.#kept.set(key.slice(prefix.length), { configs: parseConfigs(key, value), revision });
    }
    following?.release();
    return store;
  }

  get(key: string): Configs {
    return (this.#kept.get(key) ?? nothing).configs;
  }

  /** The keys that start with `start`, sorted. */
  keys(start: string): readonly string[] {
    return [...this.#kept.keys()].filter((key) => key.startsWith(start)).sort();
  }

  /**
   * Replaces a resource's configs by what `change` makes of them; durable when it resolves. A
   * `change` that answers undefined leaves them as they are.
   */
  update(key: string, change: (current: Configs) => Configs | undefined): Promise<void> {
    return this.#turns.take(key, () =>
      unlessRaced(this.#feed, prefix + key, () => this.#update(key, change)),
    );
  }

  async #update(key: string, change: (current: Configs) => Configs | undefined): Promise<void> {
    const { configs, revision } = this.#kept.get(key) ?? nothing;
    const changed = change(configs);
    if (changed === undefined) return;
    const value = changed.size === 0 ? null : JSON.stringify(Object.fromEntries(changed));
    const written = await this.#coordinator.transact(
      [{ key: prefix + key, revision }],
      [{ key: prefix + key, value }],
    );
    if (written === undefined) {
      throw new XylemError("NOT_CONTROLLER", `The configs of ${key} changed meanwhile`);
    }
    if (changed.size === 0) this.#kept.delete(key);
    else this.#kept.set(key, { configs: changed, revision: written });
  }

  /** Whether any of it was news. */
  #take(news: FeedNews): boolean {
    let isNew = false;
    for (const change of news.changes) {
      const key = change.key.slice(prefix.length);
      if (!isNews(change, (this.#kept.get(key) ?? nothing).revision, news)) continue;
      isNew = true;
      const { value, revision } = change;
      if (value === null) this.#kept.delete(key);
      else this.#kept.set(key, { configs: parseConfigs(change.key, value), revision });
    }
    return isNew;
  }
}

function parseConfigs(key: string, text: string): Configs {
  const value = parseJsonObject(text);
  assert(value !== undefined, `the coordinator's entry ${key} holds no configs: ${text}`);
  return new Map(Object.entries(value as Record<string, string>));
}
