import type { Clock } from "../base/clock.ts";
import { XylemError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { drawBetween, drawOneIn } from "./draw.ts";
import type { SimulatedStore } from "./simulated-store.ts";

/** What may happen between a client and the store; 0 in `…OneIn`: never. */
export interface CoordinatorFaults {
  /** On each way of a call. */
  readonly delayMsMax: number;
  /** Until changes are told; what comes meanwhile is merged, or told later, as chance has it. */
  readonly watchDelayMsMax: number;
  /** A request or its answer is lost; the client asks again until it knows. */
  readonly lostOneIn: number;
  /** A transaction is never cleared up: it rejects, and was applied, or is later, or never. */
  readonly unknownOneIn: number;
}

/** How often each fault befell a client. */
export interface CoordinatorFaultCounts {
  lost: number;
  unknown: number;
  appliedLate: number;
  gaps: number;
}

interface NetworkParts {
  readonly store: SimulatedStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: CoordinatorFaults;
}

/** Until a call is given up. */
const callMsMax = 10_000;
const retryMs = 100;
/** A change may be on its way for so long after its caller gave up. */
const lateMsMax = 5_000;

/** The way of one client's calls to the store. */
export class CoordinatorNetwork {
  readonly #parts: NetworkParts;
  readonly counts: CoordinatorFaultCounts = { lost: 0, unknown: 0, appliedLate: 0, gaps: 0 };
  isCut = false;
  isClosed = false;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  get isReachable(): boolean {
    return !this.isCut && !this.isClosed && this.#parts.store.isAvailable;
  }

  /** Asks until an answer comes through; what it asks for happens once at most. */
  async ask<Answer>(apply: () => Answer): Promise<Answer> {
    const { clock } = this.#parts;
    const deadlineMs = clock.monotonicMs() + callMsMax;
    let outcome: (() => Answer) | undefined;
    for (;;) {
      this.checkOpen();
      if (await this.#getsThrough()) {
        outcome ??= outcomeOf(apply);
        if (await this.#getsThrough()) return outcome();
      }
      if (clock.monotonicMs() >= deadlineMs) throw noAnswer();
      await this.#pause(retryMs);
    }
  }

  /** One attempt, whatever comes of it. */
  async tryOnce<Answer>(apply: () => Answer, timeoutMs: number): Promise<Answer> {
    if (await this.#getsThrough()) {
      const answer = apply();
      if (await this.#getsThrough()) return answer;
    }
    await this.#pause(timeoutMs);
    throw noAnswer();
  }

  /** Whether chance has it that the outcome of a transaction stays unknown. */
  drawsUnknown(): boolean {
    return this.#draw(this.#parts.faults.unknownOneIn);
  }

  /** It is applied, or is a while later, or never; its caller learns nothing. */
  async loseTrack(apply: () => unknown): Promise<never> {
    const { random, store } = this.#parts;
    this.counts.unknown += 1;
    const fate = drawBetween(random, 0, 2);
    if (fate === 0 && (await this.#getsThrough())) outcomeOf(apply);
    if (fate === 1) {
      this.counts.appliedLate += 1;
      store.later(drawBetween(random, 1, callMsMax + lateMsMax), () => outcomeOf(apply));
    }
    await this.#pause(drawBetween(random, 1, callMsMax));
    throw noAnswer();
  }

  checkOpen(): void {
    if (!this.isClosed) return;
    throw new XylemError("BROKER_NOT_AVAILABLE", "The coordinator's client is closed");
  }

  async #getsThrough(): Promise<boolean> {
    const { faults, random } = this.#parts;
    await this.#pause(faults.delayMsMax === 0 ? 0 : drawBetween(random, 0, faults.delayMsMax));
    if (!this.isReachable) return false;
    if (!this.#draw(faults.lostOneIn)) return true;
    this.counts.lost += 1;
    return false;
  }

  #draw(oneIn: number): boolean {
    return oneIn > 0 && drawOneIn(this.#parts.random, oneIn);
  }

  async #pause(durationMs: number): Promise<void> {
    if (durationMs === 0) return;
    await new Promise<void>((resolve) => this.#parts.clock.schedule(durationMs, () => resolve()));
  }
}

/** What it answers or throws, to be asked for as often as needed. */
function outcomeOf<Answer>(apply: () => Answer): () => Answer {
  try {
    const answer = apply();
    return () => answer;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function noAnswer(): XylemError {
  return new XylemError("REQUEST_TIMED_OUT", "The coordinator does not answer");
}
