import { assert } from "../base/assert.ts";
import { XylemError } from "../base/errors.ts";
import type { Coordinator } from "./ports/coordinator.ts";

/** Ids reserved with one write to the coordinator (semantics.md 10, InitProducerId 9). */
const blockSize = 1_000;
const key = "producer-ids";
/** Other nodes may reserve at the same time; each round one of them wins. */
const roundsMax = 100;

/** Kafka hands its ids out from 0 on, a block of 1000 for each broker's start. */
const firstApart = 2 ** 40;

/** Kafka wrote in this directory, and may again: our ids come from where its never get. */
export async function keepProducerIdsApart(coordinator: Coordinator): Promise<void> {
  const { entries } = await coordinator.read(key);
  const entry = entries.find((candidate) => candidate.key === key);
  if (Number(entry?.value ?? 0) >= firstApart) return;
  const compares = [{ key, revision: entry?.revision ?? 0 }];
  await coordinator.transact(compares, [{ key, value: String(firstApart) }]);
}

/**
 * Hands out producer ids, each once, ever: a block is reserved durably before its first id leaves,
 * so that a crash wastes ids and repeats none.
 */
export class ProducerIds {
  readonly #coordinator: Coordinator;
  #next = 0;
  #end = 0;
  #refill: Promise<void> | undefined;

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
  }

  /** A new id. Rejects with what the coordinator's storage says, or COORDINATOR_NOT_AVAILABLE. */
  async next(): Promise<number> {
    while (this.#next === this.#end) {
      this.#refill ??= this.#reserve().finally(() => {
        this.#refill = undefined;
      });
      await this.#refill;
    }
    return this.#next++;
  }

  async #reserve(): Promise<void> {
    for (let round = 0; round < roundsMax; round++) {
      const { entries } = await this.#coordinator.read(key);
      const entry = entries.find((candidate) => candidate.key === key);
      const first = entry === undefined ? 0 : Number(entry.value);
      const end = first + blockSize;
      assert(Number.isSafeInteger(end), `the coordinator's ${key} is ${entry?.value}`);
      const written = await this.#coordinator.transact(
        [{ key, revision: entry?.revision ?? 0 }],
        [{ key, value: String(end) }],
      );
      if (written === undefined) continue;
      this.#next = first;
      this.#end = end;
      return;
    }
    throw new XylemError("COORDINATOR_NOT_AVAILABLE", "No producer ids could be reserved");
  }
}
