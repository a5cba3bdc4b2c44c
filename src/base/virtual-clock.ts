import { assert } from "./assert.ts";
import type { Cancel, Clock } from "./clock.ts";
import { parseDuration } from "./duration.ts";

export interface VirtualClockOptions {
  /** Wall clock at the start, milliseconds since 1970. */
  readonly startMs?: number;
  /** Lets what a callback set off run on (disk, sockets) before time moves further. */
  readonly settle?: () => Promise<void>;
  /** Time goes on with this clock as well, between one `advance` and the next. */
  readonly flow?: Clock;
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
  readonly #flow: Clock | undefined;
  readonly #flowStartMs: number;
  readonly #alarms = new Set<Alarm>();
  /** By `advance`. */
  #movedMs = 0;
  /** What the flow's own timer waits for. */
  #armedMs = Infinity;
  #disarm: Cancel = () => {};

  constructor(options: VirtualClockOptions = {}) {
    this.#startMs = options.startMs ?? virtualEpochMs;
    this.#settle = options.settle ?? (() => Promise.resolve());
    this.#flow = options.flow;
    this.#flowStartMs = options.flow?.monotonicMs() ?? 0;
  }

  nowMs(): number {
    return this.#startMs + Math.floor(this.monotonicMs());
  }

  monotonicMs(): number {
    if (this.#flow === undefined) return this.#movedMs;
    return this.#movedMs + this.#flow.monotonicMs() - this.#flowStartMs;
  }

  schedule(delayMs: number, callback: () => void): Cancel {
    assert(!Number.isNaN(delayMs), "a delay is a number of milliseconds");
    const dueMs = this.monotonicMs() + Math.max(0, delayMs);
    const alarm = { dueMs, callback };
    this.#alarms.add(alarm);
    if (dueMs < this.#armedMs) this.#arm(dueMs);
    return () => this.#alarms.delete(alarm);
  }

  /** How many callbacks wait for their moment. */
  get scheduledCount(): number {
    return this.#alarms.size;
  }

  /** Moves time by `duration` (milliseconds, or text such as `31s`), running what falls due. */
  async advance(duration: number | string): Promise<void> {
    const untilMs = this.monotonicMs() + parseDuration(duration);
    await this.#settle();
    for (let run = 0; ; run += 1) {
      const next = this.#findFirst();
      if (next === undefined || next.dueMs > untilMs) break;
      assert(run < callbacksPerAdvanceMax, "callbacks keep scheduling callbacks at one moment");
      this.#alarms.delete(next);
      this.#moveTo(next.dueMs);
      next.callback();
      await this.#settle();
    }
    this.#moveTo(untilMs);
    this.#armFirst();
  }

  #moveTo(elapsedMs: number): void {
    this.#movedMs += Math.max(0, elapsedMs - this.monotonicMs());
  }

  #findFirst(): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (first === undefined || alarm.dueMs < first.dueMs) first = alarm;
    }
    return first;
  }

  #armFirst(): void {
    this.#disarm();
    this.#armedMs = Infinity;
    const first = this.#findFirst();
    if (first !== undefined) this.#arm(first.dueMs);
  }

  #arm(dueMs: number): void {
    if (this.#flow === undefined) return;
    this.#disarm();
    this.#armedMs = dueMs;
    this.#disarm = this.#flow.schedule(dueMs - this.monotonicMs(), () => this.#runDue());
  }

  /** What fell due while time went on by itself. */
  #runDue(): void {
    const nowMs = this.monotonicMs();
    try {
      for (let next = this.#findFirst(); next !== undefined; next = this.#findFirst()) {
        if (next.dueMs > nowMs) break;
        this.#alarms.delete(next);
        next.callback();
      }
    } finally {
      this.#armFirst();
    }
  }
}
