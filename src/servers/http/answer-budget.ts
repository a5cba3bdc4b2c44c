import type { ServerResponse } from "node:http";
import { Refusal } from "./refusal.ts";

/**
 * Memory for answers with records, until their clients have taken them: who reads slowly, or not at
 * all, holds what he asked for.
 */
export class AnswerBudget {
  readonly #bytesMax: () => number;
  #bytes = 0;

  /** `http.answers.memory.max.bytes`, read each time: the setting may change. */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts an answer until its response is closed. Throws a Refusal with 503. */
  hold(response: ServerResponse, sizeBytes: number): void {
    this.take(sizeBytes);
    if (response.destroyed) this.release(sizeBytes);
    else response.once("close", () => this.release(sizeBytes));
  }

  /** Counts bytes until `release`. Throws a Refusal with 503. */
  take(sizeBytes: number): void {
    if (this.#bytes + sizeBytes > this.#bytesMax()) {
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
