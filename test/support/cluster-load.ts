import type { Producer } from "kafkajs";
import { waitUntil } from "./wait-until.ts";
import type { XylemCluster } from "./xylem-cluster.ts";

/** One idempotent producer that sends numbers, each once the one before is acknowledged. */
export class ClusterLoad {
  /** In the order of the answers. */
  readonly acknowledged: number[] = [];
  /** By the monotonic clock. */
  readonly acknowledgedAtMs: number[] = [];
  readonly failures: Error[] = [];
  readonly #cluster: XylemCluster;
  readonly #topic: string;
  readonly #producer: Producer;
  #isSending = true;
  #sending: Promise<void> = Promise.resolve();

  private constructor(cluster: XylemCluster, topic: string) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#producer = cluster.kafka().producer({ idempotent: true, maxInFlightRequests: 1 });
  }

  /** Makes the topic, with three replicas of which two are enough. */
  static async start(
    cluster: XylemCluster,
    topic: string,
    configs: Readonly<Record<string, string>> = {},
  ): Promise<ClusterLoad> {
    const admin = cluster.kafka().admin();
    await admin.connect();
    const all = { "min.insync.replicas": "2", ...configs };
    const configEntries = Object.entries(all).map(([name, value]) => ({ name, value }));
    const shape = { topic, numPartitions: 1, replicationFactor: 3, configEntries };
    // Nodes of a machine that is busy may lose their leases for a moment.
    await waitUntil("the topic is made", () =>
      admin.createTopics({ waitForLeaders: true, topics: [shape] }).then(
        () => true,
        () => false,
      ),
    );
    await admin.disconnect();
    await cluster.whenWhole(topic, 3);
    const load = new ClusterLoad(cluster, topic);
    await load.#producer.connect();
    load.#sending = load.#send();
    await load.goOn(20);
    return load;
  }

  /** Until as many more are acknowledged. */
  async goOn(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await waitUntil("records are acknowledged", () => this.acknowledged.length >= wanted, 30_000);
  }

  async stop(): Promise<void> {
    this.#isSending = false;
    await this.#sending;
    await this.#producer.disconnect();
  }

  /** All that it has sent, as a consumer sees it. */
  async readAll(): Promise<number[]> {
    const read: number[] = [];
    const consumer = this.#cluster.kafka().consumer({ groupId: "judges", maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic: this.#topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        const value = Number(message.value);
        if (!Number.isNaN(value)) read.push(value);
        return Promise.resolve();
      },
    });
    const last = this.acknowledged.at(-1);
    await waitUntil("all are read", () => read.at(-1) === last, 30_000);
    await consumer.disconnect();
    return read;
  }

  async #send(): Promise<void> {
    let value = -1;
    while (this.#isSending) {
      value += 1;
      try {
        const messages = [{ value: String(value) }];
        await this.#producer.send({ topic: this.#topic, acks: -1, messages });
        this.acknowledged.push(value);
        this.acknowledgedAtMs.push(performance.now());
      } catch (error) {
        this.failures.push(error as Error);
      }
    }
  }
}
