import type { HeldLease } from "../broker/leases/held-lease.ts";

/**
 * A key that each transaction of this lane writes, comparing what the one before left in it. So a
 * transaction whose answer was lost can be asked after, and kept from being applied later.
 */
export interface MarkLane {
  readonly key: string;
  /** That wrote the key last; 0: it is not there. */
  revision: number;
}

/** Transactions of one client under way at once. */
const lanesMax = 8;

/** The lanes of one client, bound to a lease of theirs so that they do not outlive it for long. */
export class MarkLanes {
  readonly #prefix: string;
  readonly #grant: () => Promise<HeldLease>;
  readonly #free: MarkLane[] = [];
  readonly #waiting: ((lane: MarkLane) => void)[] = [];
  #lease: Promise<HeldLease> | undefined;
  #made = 0;
  #inUse = 0;

  constructor(prefix: string, grant: () => Promise<HeldLease>) {
    this.#prefix = prefix;
    this.#grant = grant;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Waits for a lane that nobody uses. */
  take(): Promise<MarkLane> {
    if (this.#inUse >= lanesMax) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#inUse += 1;
    return Promise.resolve(this.#free.pop() ?? this.make());
  }

  /** Undefined: nobody knows what its key holds, and it is used no more. */
  giveBack(lane: MarkLane | undefined): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next(lane ?? this.make());
      return;
    }
    this.#inUse -= 1;
    if (lane !== undefined) this.#free.push(lane);
  }

  make(): MarkLane {
    this.#made += 1;
    return { key: `${this.#prefix}/${this.#made}`, revision: 0 };
  }

  /** The lease that marks are bound to; granted at the first transaction, and when it was lost. */
  async lease(): Promise<HeldLease> {
    const known = this.#lease;
    if (known !== undefined && !(await known).isOver) return await known;
    if (this.#lease === known) {
      this.#lease = this.#grant();
      // A grant that fails is tried again by the next transaction.
      this.#lease.catch(() => (this.#lease = undefined));
    }
    return await (this.#lease as Promise<HeldLease>);
  }

  /** What the marks are bound to is gone: so are they. */
  async loseLease(): Promise<void> {
    const lease = await this.#lease?.catch(() => undefined);
    this.#lease = undefined;
    this.#free.length = 0;
    lease?.abandon();
  }

  /** The lease, if there is one: nothing is granted. */
  async heldLease(): Promise<HeldLease | undefined> {
    return await this.#lease?.catch(() => undefined);
  }
}
