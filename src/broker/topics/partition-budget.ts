import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";

/** Partitions that one change may make, whoever asks (semantics.md 11, CreateTopics 2). */
export const changePartitionsMax = 10_000;

/** Counts the partitions of all topics, those being made included. */
export class PartitionBudget {
  #used = 0;

  /** Partitions that are there already: counted, never refused. */
  add(count: number): void {
    this.#used += count;
  }

  /** Throws POLICY_VIOLATION when it is too many at once, or more than `most` with the others. */
  reserve(count: number, most: number): void {
    if (count > changePartitionsMax) {
      throw new XylemError(
        "POLICY_VIOLATION",
        `Excessively large number of partitions per request: ${count}, ` +
          `at most ${changePartitionsMax}`,
      );
    }
    if (this.#used + count > most) {
      throw new XylemError(
        "POLICY_VIOLATION",
        `There are ${this.#used} partitions; ${count} more would pass partitions.max (${most})`,
      );
    }
    this.#used += count;
  }

  release(count: number): void {
    this.#used -= count;
    assert(this.#used >= 0, "more partitions went than there were");
  }
}
