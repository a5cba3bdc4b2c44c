import type { ServerResponse } from "node:http";
import type { Cancel } from "../../base/clock.ts";
import type { Broker } from "../../broker/broker.ts";
import type { AnswerRoom } from "../../broker/records/answer-room.ts";
import { timeToTakeMs } from "../../broker/records/time-to-take.ts";
import { cutOff, streamOf } from "./cut-off.ts";
import { Refusal } from "./refusal.ts";

type Scope = Pick<Broker, "clock" | "settings">;

/**
 * Memory for answers with records, from before they are read until their clients have taken them:
 * who reads slowly, or not at all, holds what he asked for.
 */
export class AnswerBudget {
  readonly #scope: Scope;
  #bytes = 0;

  /** `http.answers.memory.max.bytes` is read each time: the setting may change. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#scope.settings["http.answers.memory.max.bytes"];
  }

  /** What an answer holds until its response is closed; without one, until `end`. */
  share(response?: ServerResponse): AnswerShare {
    const share = new AnswerShare(this, this.#scope);
    if (response?.destroyed === true) share.end();
    else response?.once("close", () => share.end());
    return share;
  }

  /** Counts bytes until `release`. Throws a Refusal with 503. */
  take(sizeBytes: number): void {
    if (this.#bytes + sizeBytes > this.bytesMax) {
      throw new Refusal(503, "Answers wait for their clients; try again, or with less max-bytes.", {
        code: "THROTTLING_QUOTA_EXCEEDED",
        headers: { "retry-after": "1" },
        facts: { setting: "http.answers.memory.max.bytes" },
      });
    }
    this.#bytes += sizeBytes;
  }

  release(sizeBytes: number): void {
    this.#bytes -= sizeBytes;
  }
}

/** What one answer holds. */
export class AnswerShare implements AnswerRoom {
  readonly #budget: AnswerBudget;
  readonly #scope: Scope;
  #bytes = 0;
  #isOver = false;
  #cancel: Cancel | undefined;

  constructor(budget: AnswerBudget, scope: Scope) {
    this.#budget = budget;
    this.#scope = scope;
  }

  takeUpTo(bytes: number, bytesMin: number): number {
    const free = this.#budget.bytesMax - this.#budget.bytes;
    const taken = Math.min(bytes, Math.max(bytesMin, free));
    this.take(taken);
    return taken;
  }

  take(bytes: number): void {
    // The client has gone: what is still under way for it is dropped.
    if (this.#isOver) return;
    this.#budget.take(bytes);
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    const given = Math.min(bytes, this.#bytes);
    this.#bytes -= given;
    this.#budget.release(given);
  }

  /** It is so large. Throws as `take`. */
  become(bytes: number): void {
    if (bytes > this.#bytes) this.take(bytes - this.#bytes);
    else this.giveBack(this.#bytes - bytes);
  }

  /** Its response is written: who does not take it in time is cut off. */
  sent(response: ServerResponse): void {
    const { clock, settings } = this.#scope;
    const isTaken = streamOf(response) === undefined && response.socket?.writableLength === 0;
    if (this.#isOver || isTaken) return;
    const limitMs = timeToTakeMs(this.#bytes, settings);
    this.#cancel = clock.schedule(limitMs, () => cutOff(response));
  }

  /** Nothing is held from here on. */
  end(): void {
    this.#isOver = true;
    this.#cancel?.();
    this.giveBack(this.#bytes);
  }
}
