import { assert } from "../../../base/assert.ts";
import type { Seat } from "../../../replication/placement/seat.ts";

/**
 * The nodes that hold replicas without a plan, as `cluster.expect` lets them, in the order they
 * came. Whoever becomes one compares this key: of several that start at once one wins each time. A
 * cluster that is older than the key has none, or some of them.
 */
export const foundersKey = "founders";

export function formatFounders(ids: readonly number[]): string {
  return JSON.stringify(ids);
}

/** Our own writing: anything else in it is a defect, or a newer version's. */
export function parseFounders(text: string): readonly number[] {
  const ids: unknown = JSON.parse(text);
  const isWhole = Array.isArray(ids) && ids.every((id) => Number.isSafeInteger(id));
  assert(isWhole, `the coordinator's entry ${foundersKey} is not one of ours: ${text}`);
  return ids;
}

/** The nodes that were ever given a part, by themselves or by a plan; some may have left. */
export function nodesThatCame(founders: readonly number[], seats: readonly Seat[]): Set<number> {
  const seated = seats.filter(({ state }) => state !== "joining");
  return new Set([...founders, ...seated.map(({ id }) => id)]);
}
