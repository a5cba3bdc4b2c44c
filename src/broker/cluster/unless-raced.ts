import { XylemError } from "../../base/errors.ts";
import type { CoordinatorFeed } from "./coordinator-feed.ts";

/** Rounds of a change that other nodes are in the way of. */
const roundsMax = 10;

/**
 * Runs a change of a key, and again with what is known by then when another node was in the way
 * (NOT_CONTROLLER). Without a feed there are no others.
 */
export async function unlessRaced<T>(
  feed: CoordinatorFeed | undefined,
  key: string,
  change: () => Promise<T>,
): Promise<T> {
  for (let round = 1; ; round += 1) {
    try {
      return await change();
    } catch (error) {
      const isRaced = error instanceof XylemError && error.code === "NOT_CONTROLLER";
      if (feed === undefined || !isRaced || round === roundsMax) throw error;
      await feed.catchUp(key);
    }
  }
}
