import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { ForwardCalls } from "./forward-calls.ts";
import { encode, watchAnswer, watchCall } from "./messages.ts";
import type { ClusterSight } from "./sights.ts";

/** A question is asked again after so long without news. */
const waitMs = 2_000;
/** After a failure, and where the node does not lead what it was asked for. */
const pauseMs = 200;
/** The next question comes so much later, and more for each partition: what comes adds up. */
const paceMsMin = 5;
const paceMs = 0.02;

/** Asks one node for news of the partitions that it leads, of all that are watched in one call. */
export class NodeWatch {
  readonly #calls: ForwardCalls;
  readonly #clock: Clock;
  readonly #nodeId: number;
  readonly #sights = new Set<ClusterSight>();
  /** Of the question under way; 0: there is none. */
  #waitId = 0;
  #isRunning = false;
  #hasChanged = false;

  constructor(calls: ForwardCalls, clock: Clock, nodeId: number) {
    this.#calls = calls;
    this.#clock = clock;
    this.#nodeId = nodeId;
  }

  get count(): number {
    return this.#sights.size;
  }

  add(sight: ClusterSight): void {
    this.#sights.add(sight);
    if (!this.#isRunning) void this.#run();
    else if (!this.#hasChanged) void Promise.resolve().then(() => this.#askAnew());
    this.#hasChanged = true;
  }

  remove(sight: ClusterSight): void {
    this.#sights.delete(sight);
    if (this.#sights.size === 0) this.#askAnew();
  }

  #askAnew(): void {
    if (this.#waitId === 0) return;
    this.#calls.endWait(this.#nodeId, this.#waitId);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What is added in this turn goes with the first question.
    await Promise.resolve();
    while (this.#sights.size > 0) {
      const isAllTold = await this.#ask();
      const pace = Math.max(paceMsMin, this.#sights.size * paceMs);
      await this.#pause(isAllTold ? pace : pauseMs);
    }
    this.#isRunning = false;
  }

  /** Answers whether the node had an answer for all. */
  async #ask(): Promise<boolean> {
    const asked = [...this.#sights];
    this.#hasChanged = false;
    this.#waitId = this.#calls.nextWaitId();
    try {
      const { news } = await this.#calls.ask(this.#nodeId, {
        name: "forwarded-watch",
        body: encode(watchCall, { waitId: this.#waitId, waitMs, partitions: asked.map(wishOf) }),
        timeoutMs: waitMs,
        isWait: true,
        answer: watchAnswer,
      });
      this.#waitId = 0;
      for (const { at, isLed, ...bounds } of news) {
        const sight = asked[at];
        if (isLed && sight !== undefined && this.#sights.has(sight)) sight.tell(bounds);
      }
      return news.every(({ isLed }) => isLed);
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      return false;
    } finally {
      this.#waitId = 0;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.schedule(ms, resolve));
  }
}

function wishOf({ topic, log, told }: ClusterSight) {
  const { logStart = NaN, lastStable = NaN } = told ?? {};
  return { topic: topic.name, topicId: topic.id, partition: log.index, logStart, lastStable };
}
