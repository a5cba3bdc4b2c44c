import type { Random } from "../../../base/random.ts";
import { drawBetween, drawOf } from "../../../simulation/draw.ts";
import { errorName } from "../error-name.ts";
import type { Client } from "../simulated-client.ts";
import type { World } from "../world.ts";
import { expectNoAnswer } from "./producer.ts";

const pauseMsMin = 2_000;
const pauseMsMax = 12_000;
/** As Kafka numbers them. */
const topicResource = 2;
const setOperation = 0;

/** What is changed, and to what: nothing that a checker takes for a promise of the topic. */
const changes = [
  ["min.insync.replicas", ["1", "2"]],
  ["index.interval.bytes", ["1", "300", "4096"]],
  ["segment.ms", ["5000", "10000", "604800000"]],
] as const;

/** Changes settings of topics that are written and read meanwhile. */
export class ConfigChanger {
  readonly #world: World;
  readonly #random: Random;
  readonly #client: Client;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.fork("config changer");
    this.#client = world.client("config changer");
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      await this.#world.sleep(drawBetween(this.#random, pauseMsMin, pauseMsMax));
      try {
        await this.#change();
      } catch (error) {
        expectNoAnswer(error);
      }
    }
    this.#client.close();
  }

  async #change(): Promise<void> {
    const topics = this.#world.liveTopics();
    if (topics.length === 0) return;
    const { name: topic } = drawOf(this.#random, topics);
    const [name, values] = drawOf(this.#random, [changes[0], ...changes]);
    const value = drawOf(this.#random, values);
    await setConfig(this.#world, this.#client, { topic, name, value });
  }
}

/** Who has fewer nodes now asks for no more replicas than there are. After the faults. */
export async function lowerInsync(world: World, topics: readonly string[]): Promise<void> {
  const client = world.client("operator");
  for (const topic of topics) {
    await setConfig(world, client, { topic, name: "min.insync.replicas", value: "1" });
  }
  client.close();
}

/** Rejects with NoAnswer. */
async function setConfig(
  world: World,
  client: Client,
  { topic, name, value }: { readonly topic: string; readonly name: string; readonly value: string },
): Promise<void> {
  const configs = [{ name, configOperation: setOperation, value }];
  const answer = await world.ask(client, "IncrementalAlterConfigs", 1, {
    resources: [{ resourceType: topicResource, resourceName: topic, configs }],
    validateOnly: false,
  });
  const error = errorName(answer.responses[0]?.errorCode ?? -1);
  world.record({ kind: "answer", api: "IncrementalAlterConfigs", error });
  world.tell("configs", `${topic}: ${name}=${value}: ${error}`);
}
