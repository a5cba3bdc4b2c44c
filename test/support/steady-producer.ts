import type { Producer } from "kafkajs";
import { waitUntil } from "./wait-until.ts";
import type { XylemCluster } from "./xylem-cluster.ts";

/** How one head went, and what came after it, in milliseconds from then. */
export interface HeadDeath {
  readonly head: number;
  readonly wasController: boolean;
  readonly ackMs: number;
  readonly newHead: number;
}

/** How long a client over HTTP waits for one answer. */
const patienceMs = 300;

/** Appends one record after another to one partition, and knows which were acknowledged when. */
export class SteadyProducer {
  /** In the order of the answers. */
  readonly acknowledged: number[] = [];
  readonly acknowledgedAtMs: number[] = [];
  readonly #cluster: XylemCluster;
  readonly #topic: string;
  readonly #producer: Producer;
  #isSending = true;
  #sending: Promise<void> = Promise.resolve();

  private constructor(cluster: XylemCluster, topic: string) {
    const client = cluster.kafka();
    this.#cluster = cluster;
    this.#topic = topic;
    this.#producer = client.producer({ idempotent: true, maxInFlightRequests: 1 });
  }

  /** Makes the topic, on three nodes. */
  static async start(cluster: XylemCluster, topic: string): Promise<SteadyProducer> {
    const admin = cluster.kafka().admin();
    await admin.connect();
    const configEntries = [{ name: "min.insync.replicas", value: "2" }];
    const topics = [{ topic, numPartitions: 1, replicationFactor: 3, configEntries }];
    // Nodes of a machine that is busy may lose their leases for a moment.
    await waitUntil("the topic is made", async () => {
      const isMade = admin.createTopics({ topics }).then(
        () => true,
        () => false,
      );
      return await isMade;
    });
    await admin.disconnect();
    await cluster.whenWhole(topic, 3);
    const steady = new SteadyProducer(cluster, topic);
    await steady.#producer.connect();
    steady.#sending = steady.#sendAll();
    await steady.whenAcknowledged(100);
    return steady;
  }

  async whenAcknowledged(more: number): Promise<void> {
    const goal = this.acknowledged.length + more;
    await waitUntil("records are acknowledged", () => this.acknowledged.length >= goal);
  }

  /** Kills the head, waits for the next one's first answer. */
  async killHead(): Promise<HeadDeath> {
    return this.#after(async (head) => {
      const before = this.acknowledged.length;
      const diedMs = performance.now();
      await this.#cluster.node(head).kill();
      // The answer to the first may have been on its way.
      await this.whenAcknowledged(2);
      return (this.acknowledgedAtMs[before + 1] ?? 0) - diedMs;
    });
  }

  /**
   * The head stands still until it is told to go on; its connections stay. Waits for the first
   * answer to who asks another node over HTTP and does not wait for long: a client of Kafka's would
   * wait for its own timeout.
   */
  async pauseHead(): Promise<HeadDeath> {
    return this.#after(async (head, witness) => {
      const { bootstrap } = this.#cluster.node(witness);
      const diedMs = performance.now();
      process.kill(this.#cluster.node(head).pid, "SIGSTOP");
      await waitUntil("a record is taken", () => append(bootstrap, this.#topic));
      return performance.now() - diedMs;
    });
  }

  async #after(end: (head: number, witness: number) => Promise<number>): Promise<HeadDeath> {
    const [asked = 1] = this.#cluster.ids;
    const head = await this.headAt(asked);
    const { controllerId } = await this.#cluster.describe(asked);
    const [witness = 0] = this.#cluster.ids.filter((id) => id !== head);
    const ackMs = Math.round(await end(head, witness));
    return {
      head,
      wasController: controllerId === head,
      ackMs,
      newHead: await this.headAt(witness),
    };
  }

  async headAt(id: number): Promise<number> {
    const [partition] = await this.#cluster.partitions(id, this.#topic);
    return partition?.leader ?? -1;
  }

  /** No more than what is under way. */
  async stop(): Promise<void> {
    this.#isSending = false;
    await this.#sending;
    await this.#producer.disconnect();
  }

  async #sendAll(): Promise<void> {
    let value = 0;
    while (this.#isSending) {
      const messages = [{ value: String(value) }];
      await this.#producer.send({ topic: this.#topic, acks: -1, messages });
      this.acknowledged.push(value);
      value += 1;
      this.acknowledgedAtMs.push(performance.now());
    }
  }

  /** All that it has sent, as a group reads it. */
  async readAll(): Promise<number[]> {
    const read: number[] = [];
    const consumer = this.#cluster.kafka().consumer({ groupId: "judges" });
    await consumer.connect();
    await consumer.subscribe({ topic: this.#topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        if (String(message.value) !== probe) read.push(Number(message.value));
        return Promise.resolve();
      },
    });
    const last = this.acknowledged.at(-1);
    await waitUntil("all are read", () => read.at(-1) === last);
    await consumer.disconnect();
    return read;
  }
}

/** What is appended over HTTP. */
const probe = "a probe";

async function append(bootstrap: string, topic: string): Promise<boolean> {
  const place = `http://${bootstrap}/v1/topics/${topic}/records`;
  const signal = AbortSignal.timeout(patienceMs);
  try {
    const answer = await fetch(place, { method: "POST", body: probe, signal });
    await answer.text();
    return answer.ok;
  } catch {
    return false;
  }
}
