import type { Random } from "../../../base/random.ts";
import { drawBetween, drawOf, drawOneIn } from "../../../simulation/draw.ts";
import { errorName } from "../error-name.ts";
import type { Client } from "../simulated-client.ts";
import type { KnownTopic, World } from "../world.ts";
import { expectNoAnswer } from "./producer.ts";

const pauseMsMin = 1_500;
const pauseMsMax = 8_000;
const replicasMin = 2;
const replicasMax = 3;
const preferred = 0;
/** As Kafka numbers them. */
const brokerResource = 4;
const setOperation = 0;
/** Slow enough to be met by what else happens, and done well within a minute. */
const throttles = ["20000", "100000", "9223372036854775807"];

/** As Kafka's tools do: moves partitions by hand, throttled now and then, and elects heads. */
export class Reassigner {
  readonly #world: World;
  readonly #nodeIds: readonly number[];
  readonly #random: Random;
  readonly #client: Client;

  constructor(world: World, nodeIds: readonly number[]) {
    this.#world = world;
    this.#nodeIds = nodeIds;
    this.#random = world.fork("reassigner");
    this.#client = world.client("reassigner");
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      await this.#world.sleep(drawBetween(this.#random, pauseMsMin, pauseMsMax));
      const topics = this.#world.liveTopics();
      if (topics.length === 0) continue;
      const topic = drawOf(this.#random, topics);
      try {
        await this.#act(topic, drawBetween(this.#random, 0, topic.partitions - 1));
      } catch (error) {
        expectNoAnswer(error);
      }
    }
    this.#client.close();
  }

  async #act(topic: KnownTopic, index: number): Promise<void> {
    switch (drawBetween(this.#random, 0, 6)) {
      case 0:
        return await this.#reassign(topic, index, null);
      case 1:
        return await this.#throttle();
      case 2:
      case 3:
        return await this.#elect(topic, index);
      default:
        return await this.#reassign(topic, index, this.#drawReplicas());
    }
  }

  #drawReplicas(): readonly number[] {
    const left = [...this.#nodeIds];
    const count = drawBetween(this.#random, replicasMin, Math.min(replicasMax, left.length));
    return Array.from({ length: count }, () => {
      const [id] = left.splice(drawBetween(this.#random, 0, left.length - 1), 1);
      return id as number;
    });
  }

  async #reassign(
    { name }: KnownTopic,
    partitionIndex: number,
    replicas: readonly number[] | null,
  ): Promise<void> {
    const answer = await this.#world.ask(this.#client, "AlterPartitionReassignments", 1, {
      timeoutMs: 5_000,
      allowReplicationFactorChange: true,
      topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
    });
    const code = answer.responses[0]?.partitions[0]?.errorCode;
    const wanted = replicas === null ? "where it was" : replicas.join(" ");
    this.#answered("AlterPartitionReassignments", `${name}-${partitionIndex} to ${wanted}`, code);
  }

  async #elect({ name }: KnownTopic, index: number): Promise<void> {
    const one = [{ topic: name, partitions: [index] }];
    const answer = await this.#world.ask(this.#client, "ElectLeaders", 2, {
      electionType: preferred,
      topicPartitions: drawOneIn(this.#random, 4) ? null : one,
      timeoutMs: 4_000,
    });
    const code = answer.replicaElectionResults[0]?.partitionResult[0]?.errorCode;
    this.#answered("ElectLeaders", `${name}-${index}`, code ?? answer.errorCode);
  }

  /** What all replicas that join are sent, in bytes a second. */
  async #throttle(): Promise<void> {
    const name = "replica.copy.io.max.bytes.per.second";
    const value = drawOf(this.#random, throttles);
    const configs = [{ name, configOperation: setOperation, value }];
    const answer = await this.#world.ask(this.#client, "IncrementalAlterConfigs", 1, {
      resources: [{ resourceType: brokerResource, resourceName: "", configs }],
      validateOnly: false,
    });
    this.#answered("IncrementalAlterConfigs", `copies at ${value}`, answer.responses[0]?.errorCode);
  }

  #answered(api: string, what: string, code = -1): void {
    const error = errorName(code);
    this.#world.record({ kind: "answer", api, error });
    this.#world.tell("reassigner", `${what}: ${error}`);
  }
}
