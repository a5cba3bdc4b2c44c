import type { Random } from "../../../base/random.ts";
import { drawBetween, drawOf, drawOneIn } from "../../../simulation/draw.ts";
import type { Client } from "../simulated-client.ts";
import { keyOf, type Target, type World } from "../world.ts";
import { expectNoAnswer } from "./producer.ts";
import { fetchFrom, listOffset } from "./read-partition.ts";

const pauseMsMax = 1_500;
const waitMs = 300;

/** A consumer by offset: reads on where it was, and now and then from somewhere before. */
export class Reader {
  readonly #world: World;
  readonly #name: string;
  readonly #asksLatest: boolean;
  readonly #random: Random;
  readonly #client: Client;
  readonly #positions = new Map<string, number>();

  /** Now and then it asks where a partition ends, if told so. */
  constructor(world: World, name: string, { asksLatest = false } = {}) {
    this.#world = world;
    this.#asksLatest = asksLatest;
    this.#name = name;
    this.#random = world.fork(name);
    this.#client = world.client(name);
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      await this.#world.sleep(drawBetween(this.#random, 1, pauseMsMax));
      const topics = this.#world.liveTopics();
      if (topics.length === 0) continue;
      const topic = drawOf(this.#random, topics);
      const target = { topic, index: drawBetween(this.#random, 0, topic.partitions - 1) };
      try {
        if (this.#asksLatest && drawOneIn(this.#random, 3)) {
          await listOffset(this.#world, this.#client, target, -1);
        }
        await this.#read(target);
      } catch (error) {
        expectNoAnswer(error);
      }
    }
    this.#client.close();
  }

  async #read(target: Target): Promise<void> {
    const key = keyOf(target);
    const position = this.#positions.get(key) ?? 0;
    const isAgain = drawOneIn(this.#random, 5);
    const from = isAgain ? drawBetween(this.#random, 0, position) : position;
    const outcome = await fetchFrom(this.#world, this.#client, this.#name, {
      target,
      from,
      waitMs,
    });
    if (outcome.error === "NONE") {
      if (!isAgain) this.#positions.set(key, outcome.next);
    } else if (outcome.error === "OFFSET_OUT_OF_RANGE") {
      const start = await listOffset(this.#world, this.#client, target, -2);
      if (start !== undefined) this.#positions.set(key, start);
    } else if (outcome.error === "CORRUPT_MESSAGE") {
      // As an operator lets a consumer skip what is damaged.
      if (!isAgain) this.#positions.set(key, from + 1);
    }
  }
}
