import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import type { Configs } from "../configs/config-store.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import { Turns } from "../turns.ts";
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
  readonly #kept = new Map<string, Kept>();
  readonly #turns = new Turns();

  private constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
  }

  static async open(coordinator: Coordinator): Promise<Buckets> {
    const buckets = new Buckets(coordinator);
    const { entries } = await coordinator.read(prefix);
    for (const { key, value, revision } of entries) {
      const name = key.slice(prefix.length);
      buckets.#kept.set(name, { name, configs: parseEntry(key, value), revision });
    }
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
    return this.#turns.take(name, async () => {
      const kept = this.#kept.get(name);
      const configs = change(kept);
      const key = prefix + name;
      const value = JSON.stringify({ configs: Object.fromEntries(configs) });
      const compares = [{ key, revision: kept?.revision ?? 0 }];
      const revision = await this.#coordinator.transact(compares, [{ key, value }]);
      if (revision === undefined) {
        throw new XylemError("NOT_CONTROLLER", `The bucket ${name} changed meanwhile`);
      }
      this.#kept.set(name, { name, configs, revision });
    });
  }

  /** Forgets a bucket; durable when it resolves. What `check` throws leaves it as it is. */
  remove(name: string, check: () => void): Promise<void> {
    return this.#turns.take(name, async () => {
      check();
      const key = prefix + name;
      const compares = [{ key, revision: this.#kept.get(name)?.revision ?? 0 }];
      const revision = await this.#coordinator.transact(compares, [{ key, value: null }]);
      if (revision === undefined) {
        throw new XylemError("NOT_CONTROLLER", `The bucket ${name} changed meanwhile`);
      }
      this.#kept.delete(name);
    });
  }
}

function parseEntry(key: string, text: string): Configs {
  const { configs } = JSON.parse(text) as { configs?: unknown };
  const isWhole = typeof configs === "object" && configs !== null;
  assert(isWhole, `the coordinator's entry ${key} is not one of ours: ${text}`);
  return new Map(Object.entries(configs as Record<string, string>));
}
