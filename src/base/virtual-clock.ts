import { assert } from "./assert.ts";
import type { Cancel, Clock } from "./clock.ts";
import { parseDuration } from "./duration.ts";

export interface VirtualClockOptions {
  /** Wall clock at the start, milliseconds since 1970. */
  readonly startMs?: number;
  /** Lets what a callback set off run on (disk, sockets) before time moves further. */
  readonly settle?: () => Promise<void>;
}

interface Alarm {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** 2026-01-01T00:00:00Z. */
const virtualEpochMs = 1_767_225_600_000;

/** A million callbacks in one advance is a loop that feeds itself. */
const callbacksPerAdvanceMax = 1_000_000;

/**
 * Time that moves only when told to. Callbacks run at their moment, in the order of their moments,
 * equal ones in the order they were scheduled.
 */
export class VirtualClock implements Clock {
  readonly #startMs: number;
  readonly #settle: () => Promise<void>;
  readonly #alarms = new Set<Alarm>();
  #elapsedMs = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.#startMs = options.startMs ?? virtualEpochMs;
    this.#settle = options.settle ?? (() => Promise.resolve());
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  schedule(delayMs: number, callback: () => void): Cancel {
    assert(!Number.isNaN(delayMs), "a delay is a number of milliseconds");
    const dueMs = this.#elapsedMs + Math.max(0, delayMs);
    const alarm = { dueMs, callback };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** How many callbacks wait for their moment. */
  get scheduledCount(): number {
    return this.#alarms.size;
  }

  /** Moves time by `duration` (milliseconds, or text such as `31s`), running what falls due. */
  async advance(duration: number | string): Promise<void> {
    const untilMs = this.#elapsedMs + parseDuration(duration);
    await this.#settle();
    for (let run = 0; ; run += 1) {
      const next = this.#findNext(untilMs);
      if (next === undefined) break;
      assert(run < callbacksPerAdvanceMax, "callbacks keep scheduling callbacks at one moment");
      this.#alarms.delete(next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.callback();
      await this.#settle();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }

  #findNext(untilMs: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.dueMs > untilMs) continue;
      if (first === undefined || alarm.dueMs < first.dueMs) first = alarm;
    }
    return first;
  }
}
