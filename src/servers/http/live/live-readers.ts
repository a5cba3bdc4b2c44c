import type { Cancel, Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";

/** A connection that follows partitions for as long as it lasts. */
export interface LiveReader {
  /** Looks after silence and slowness; called now and then. */
  check(nowMs: number): void;
  /** The node stops. */
  close(): void;
}

type Settings = Pick<
  NodeSettings,
  "live.backlog.max.bytes" | "live.heartbeat.ms" | "live.slow.reader.ms"
>;

/** Of the broker. */
interface LiveScope {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Log;
}

/** What is read for a reader at once, by all forms of live reading. */
export const turnSizeBytes = 65_536;
/** How often readers are looked after: rather late by this than often for nothing. */
const checkMsMax = 1_000;
const checkMsMin = 20;

/** All live readers of the HTTP door: one timer for them, and one bound for their backlog. */
export class LiveReaders {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly #log: Log;
  readonly #readers = new Set<LiveReader>();
  readonly #waiting: (() => void)[] = [];
  #backlogBytes = 0;
  #turnCount = 0;
  #cancelCheck: Cancel | undefined;
  #isClosed = false;

  /** They end when `closing` aborts. */
  constructor({ clock, settings, log }: LiveScope, closing: AbortSignal) {
    this.clock = clock;
    this.settings = settings;
    this.#log = log;
    closing.addEventListener("abort", () => this.#close(), { once: true });
  }

  get count(): number {
    return this.#readers.size;
  }

  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  add(reader: LiveReader): void {
    this.#readers.add(reader);
    if (this.#isClosed) reader.close();
    else if (this.#cancelCheck === undefined) this.#scheduleCheck();
  }

  remove(reader: LiveReader): void {
    this.#readers.delete(reader);
  }

  /** A reader failed by a defect of ours; he is cut off. */
  tellDefect(error: unknown): void {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log.error("a live read failed", { reason });
  }

  /** What readers have been given and have not taken. */
  changeBacklog(bytes: number): void {
    this.#backlogBytes += bytes;
    this.#wake();
  }

  /**
   * A reader's turn to be read for, which counts as if he left all of it; `endTurn` follows. As
   * many have one as the backlog allows. Resolves with the turn; undefined: he has it already.
   */
  takeTurn(): Promise<void> | undefined {
    if (this.#isClosed || this.#hasRoom) {
      this.#turnCount += 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  endTurn(): void {
    this.#turnCount -= 1;
    this.#wake();
  }

  /** Only as many as there is room for: each of them is going to be given something. */
  #wake(): void {
    while (this.#waiting.length > 0 && this.#hasRoom) this.#giveTurn();
  }

  #giveTurn(): void {
    this.#turnCount += 1;
    this.#waiting.shift()?.();
  }

  get #hasRoom(): boolean {
    const plannedBytes = this.#backlogBytes + this.#turnCount * turnSizeBytes;
    return plannedBytes < this.settings["live.backlog.max.bytes"];
  }

  #scheduleCheck(): void {
    const { "live.heartbeat.ms": heartbeatMs, "live.slow.reader.ms": slowMs } = this.settings;
    const intervalMs = Math.min(heartbeatMs, slowMs) / 4;
    const delayMs = Math.max(checkMsMin, Math.min(checkMsMax, intervalMs));
    this.#cancelCheck = this.clock.schedule(delayMs, () => this.#check());
  }

  #check(): void {
    this.#cancelCheck = undefined;
    const nowMs = this.clock.monotonicMs();
    for (const reader of this.#readers) reader.check(nowMs);
    if (this.#readers.size > 0) this.#scheduleCheck();
  }

  #close(): void {
    this.#isClosed = true;
    this.#cancelCheck?.();
    for (const reader of this.#readers) reader.close();
    while (this.#waiting.length > 0) this.#giveTurn();
  }
}
