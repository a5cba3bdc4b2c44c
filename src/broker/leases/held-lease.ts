import type { Cancel, Clock } from "../../base/clock.ts";
import { leaseHoldsUntil } from "../../replication/lease-term.ts";
import type { Lease } from "../ports/lease.ts";

/** What the coordinator granted. */
export interface LeaseGrant {
  readonly id: string;
  readonly ttlMs: number;
  /** When the request for it was sent, by the monotonic clock. */
  readonly sentMs: number;
}

/** How a kind of coordinator keeps leases. */
export interface LeaseKeeper {
  /**
   * Sends one keep-alive; answers whether the lease was there still. Rejects when no answer came
   * within `timeoutMs`. `attempt` counts from 0 since the last answer: another way may be tried.
   */
  renew(id: string, options: { timeoutMs: number; attempt: number }): Promise<boolean>;
  /** Ends it; unknown is no error. */
  end(id: string): Promise<void>;
}

/** Keep-alives while all is well, each TTL: early, since an election takes 1 to 2 s of the rest. */
const renewalsPerTtl = 6;
/** An answer that takes longer than this part of the TTL is asked for again beside it. */
const hedgesPerTtl = 6;
/** A refusal, as of a coordinator that elects a leader, is followed by another attempt sooner. */
const retriesPerTtl = 20;

/**
 * A lease as its owner holds it: keeps it alive, and judges by the local monotonic clock how long
 * it surely holds. A keep-alive counts from the moment it was sent, so that a late answer gives
 * little. Once its time is over it stays lost, whatever answers come after (cluster.md, section 9,
 * lease-margin): its owner asks for another one.
 */
export class HeldLease implements Lease {
  readonly id: string;
  readonly ttlMs: number;
  readonly #clock: Clock;
  readonly #keeper: LeaseKeeper;
  readonly #renewed = new Set<() => void>();
  readonly #lost = new Set<() => void>();
  #sentMs: number;
  #state: "held" | "lost" | "ended" = "held";
  #attempt = 0;
  #cancelAttempt: Cancel = () => {};
  #cancelEnd: Cancel = () => {};

  constructor(grant: LeaseGrant, keeper: LeaseKeeper, clock: Clock) {
    this.id = grant.id;
    this.ttlMs = grant.ttlMs;
    this.#sentMs = grant.sentMs;
    this.#keeper = keeper;
    this.#clock = clock;
    this.#awaitEnd();
    this.#attemptAt(this.#sentMs + this.ttlMs / renewalsPerTtl);
  }

  get holdsUntilMs(): number {
    if (this.#state !== "held") return Number.NEGATIVE_INFINITY;
    return leaseHoldsUntil(this.#sentMs, this.ttlMs);
  }

  get isOver(): boolean {
    return this.#clock.monotonicMs() >= this.holdsUntilMs;
  }

  onRenewed(listener: () => void): () => void {
    this.#renewed.add(listener);
    return () => {
      this.#renewed.delete(listener);
    };
  }

  onLost(listener: () => void): () => void {
    this.#lost.add(listener);
    const cancel = this.#state === "lost" ? this.#clock.schedule(0, () => this.#tellLost()) : noop;
    return () => {
      cancel();
      this.#lost.delete(listener);
    };
  }

  async revoke(): Promise<void> {
    this.abandon();
    await this.#keeper.end(this.id);
  }

  /** Keeps it alive no longer; nobody is told. */
  abandon(): void {
    if (this.#state === "held") this.#stop("ended");
    this.#lost.clear();
  }

  #awaitEnd(): void {
    this.#cancelEnd();
    const leftMs = this.holdsUntilMs - this.#clock.monotonicMs();
    this.#cancelEnd = this.#clock.schedule(leftMs, () => {
      if (this.isOver) this.#lose();
      else this.#awaitEnd();
    });
  }

  #attemptAt(atMs: number): void {
    this.#cancelAttempt();
    const delayMs = Math.max(0, atMs - this.#clock.monotonicMs());
    this.#cancelAttempt = this.#clock.schedule(delayMs, () => this.#renew());
  }

  /** Asks, and soon once more if no answer comes: one way may be blocked while another is free. */
  #renew(): void {
    if (this.#state !== "held") return;
    const sentMs = this.#clock.monotonicMs();
    this.#attemptAt(sentMs + this.ttlMs / hedgesPerTtl);
    const options = { timeoutMs: this.ttlMs, attempt: this.#attempt };
    this.#attempt += 1;
    void this.#keeper.renew(this.id, options).then(
      (isThere) => {
        if (isThere) this.#extend(sentMs);
        else this.#lose();
      },
      () => {
        const isHeld = this.#state === "held" && sentMs > this.#sentMs;
        if (isHeld) this.#attemptAt(this.#clock.monotonicMs() + this.ttlMs / retriesPerTtl);
      },
    );
  }

  #extend(sentMs: number): void {
    if (this.#state !== "held") return;
    if (this.isOver) {
      this.#lose();
      return;
    }
    if (sentMs <= this.#sentMs) return;
    this.#sentMs = sentMs;
    this.#attempt = 0;
    this.#awaitEnd();
    this.#attemptAt(sentMs + this.ttlMs / renewalsPerTtl);
    for (const listener of this.#renewed) listener();
  }

  #lose(): void {
    if (this.#state !== "held") return;
    this.#stop("lost");
    this.#tellLost();
  }

  #stop(state: "lost" | "ended"): void {
    this.#state = state;
    this.#cancelAttempt();
    this.#cancelEnd();
    this.#renewed.clear();
  }

  #tellLost(): void {
    const listeners = [...this.#lost];
    this.#lost.clear();
    for (const listener of listeners) listener();
  }
}

const noop = (): void => {};
