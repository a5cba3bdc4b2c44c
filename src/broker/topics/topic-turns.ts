import { XylemError } from "../../base/errors.ts";
import { Turns } from "../turns.ts";
import type { TopicChains } from "./topic-chains.ts";
import { collisionName } from "./topic-name.ts";

/** Rounds of a change that other nodes are in the way of. */
const roundsMax = 10;

/** Work on topics: on those of one name, or of names that collide, one after the other. */
export class TopicTurns {
  readonly #turns = new Turns();
  readonly #others: Pick<TopicChains, "catchUp"> | undefined;

  /** Of a cluster, where other nodes change topics as well. */
  constructor(others?: Pick<TopicChains, "catchUp">) {
    this.#others = others;
  }

  take<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(collisionName(name), work);
  }

  /**
   * Runs a change after earlier ones; again, with what is known by then, when another node was in
   * the way.
   */
  async change<T>(name: string, work: () => Promise<T>): Promise<T> {
    for (let round = 1; ; round += 1) {
      try {
        return await this.take(name, work);
      } catch (error) {
        const code = error instanceof XylemError ? error.code : undefined;
        const isRaced = code === "NOT_CONTROLLER" || code === "TOPIC_ALREADY_EXISTS";
        if (this.#others === undefined || !isRaced) throw error;
        await this.#others.catchUp(name);
        // Behind what the news about this name has begun.
        await this.take(name, async () => {});
        if (code === "TOPIC_ALREADY_EXISTS" || round === roundsMax) throw error;
      }
    }
  }

  /** Waits for all work that was taken so far, however it ends. */
  settled(): Promise<void> {
    return this.#turns.settled();
  }
}
