import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { RateBucket } from "./rate-bucket.ts";

/** What a replica that joins is copied from here. */
export interface Copy {
  readonly partition: number;
  readonly joinerId: number;
  readonly settings: TopicSettings;
}

/** Copies with the same key share the rate. */
export interface CopyLimit {
  readonly key: string;
  readonly bytesPerSecond: number;
}

/** Who is told that it may ask again. */
export interface CopyWaiter {
  roomOpened(): void;
}

export interface CopyPaceOptions {
  limitsOf(copy: Copy): readonly CopyLimit[];
  nowMs(): number;
}

interface Waiting {
  readonly copy: Copy;
  readonly limits: readonly CopyLimit[];
  /** It was told, and has first choice. */
  isCalled: boolean;
}

/** A slow rate is given in small pieces, so that all come along. */
const pieceMs = 100;
const pieceBytesMin = 16_384;

/**
 * Paces what this node sends to replicas that join. Who finds nothing left waits in line with all
 * others, and is called in its turn: at a rate that many share each gets as much.
 */
export class CopyPace {
  readonly #options: CopyPaceOptions;
  readonly #buckets = new Map<string, RateBucket>();
  readonly #line = new Map<CopyWaiter, Waiting>();

  constructor(options: CopyPaceOptions) {
    this.#options = options;
  }

  /** How much may be read now, at most `sizeBytesMax`, and is counted; 0: `waiter` is called. */
  take(copy: Copy, sizeBytesMax: number, waiter: CopyWaiter): number {
    const waiting = this.#line.get(waiter);
    if (waiting?.isCalled === false) return 0;
    const limits = this.#options.limitsOf(copy);
    const isNext = waiting !== undefined || !this.#isWaitedFor(limits);
    if (!isNext || !this.#isOpen(limits)) {
      if (waiting === undefined) this.#line.set(waiter, { copy, limits, isCalled: false });
      else waiting.isCalled = false;
      return 0;
    }
    this.#line.delete(waiter);
    if (limits.length === 0) return sizeBytesMax;
    const slowest = Math.min(...limits.map(({ bytesPerSecond }) => bytesPerSecond));
    const pieceBytes = Math.max(pieceBytesMin, Math.floor((slowest * pieceMs) / 1_000));
    const sizeBytes = Math.min(sizeBytesMax, pieceBytes);
    this.#count(limits, sizeBytes);
    return sizeBytes;
  }

  /** What was counted too much or, below zero, too little. */
  giveBack(copy: Copy, sizeBytes: number): void {
    this.#count(this.#options.limitsOf(copy), -sizeBytes);
  }

  leave(waiter: CopyWaiter): void {
    this.#line.delete(waiter);
  }

  /** Calls those in line for whom there is something now; often enough it is fair. */
  tick(): void {
    // Who is called and waits again is not called twice.
    for (const [waiter, waiting] of Array.from(this.#line)) {
      if (!this.#isOpen(this.#options.limitsOf(waiting.copy))) continue;
      waiting.isCalled = true;
      waiter.roomOpened();
      // It had nothing to ask for any more.
      if (this.#line.get(waiter)?.isCalled === true) this.leave(waiter);
    }
  }

  /** Whether somebody in line waits for one of these. */
  #isWaitedFor(limits: readonly CopyLimit[]): boolean {
    if (limits.length === 0) return false;
    for (const { limits: others } of this.#line.values()) {
      if (others.some(({ key }) => limits.some((limit) => limit.key === key))) return true;
    }
    return false;
  }

  #isOpen(limits: readonly CopyLimit[]): boolean {
    const nowMs = this.#options.nowMs();
    // All are brought up to date.
    const open = limits.map(({ key, bytesPerSecond }) =>
      this.#bucket(key).isOpen(bytesPerSecond, nowMs),
    );
    return !open.includes(false);
  }

  #count(limits: readonly CopyLimit[], sizeBytes: number): void {
    for (const { key } of limits) this.#bucket(key).take(sizeBytes);
  }

  #bucket(key: string): RateBucket {
    const known = this.#buckets.get(key) ?? new RateBucket();
    this.#buckets.set(key, known);
    return known;
  }
}
