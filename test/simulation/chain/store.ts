import type { ChainConfig } from "../../../src/replication/chain-config.ts";

export interface Registration {
  readonly incarnation: string;
  readonly lineage: string;
  readonly expiresAt: number;
  /** Another one each time a lease is granted. */
  readonly revision: number;
}

/** What somebody knows of the store: one state of it, perhaps an old one. */
export interface StoreView {
  readonly revision: number;
  readonly config: ChainConfig;
  readonly live: ReadonlyMap<number, Registration>;
}

/** The coordinator: one chain's entry with its history, and leased entries of nodes. */
export class Store {
  readonly history: ChainConfig[] = [];
  readonly #registrations = new Map<number, Registration>();
  #grants = 0;
  now = 0;

  get revision(): number {
    return this.history.length - 1;
  }

  get config(): ChainConfig {
    return this.history[this.revision] as ChainConfig;
  }

  findLive(id: number): Registration | undefined {
    const found = this.#registrations.get(id);
    return found !== undefined && found.expiresAt > this.now ? found : undefined;
  }

  /** Grants a lease, or prolongs the one this incarnation has. Answers whether it is a new one. */
  keepAlive(id: number, life: { incarnation: string; lineage: string }, ttl: number): boolean {
    const found = this.findLive(id);
    const isNew = found?.incarnation !== life.incarnation;
    if (isNew) this.#grants += 1;
    const revision = isNew ? this.#grants : found.revision;
    this.#registrations.set(id, { ...life, expiresAt: this.now + ttl, revision });
    return isNew;
  }

  view(): StoreView {
    const live = new Map<number, Registration>();
    for (const [id] of this.#registrations) {
      const found = this.findLive(id);
      if (found !== undefined) live.set(id, found);
    }
    return { revision: this.revision, config: this.config, live };
  }

  /** Compare-and-set. */
  write(expected: number, config: ChainConfig): boolean {
    if (expected !== this.revision) return false;
    this.history.push(config);
    return true;
  }
}
