import type { ClusterLoad } from "./cluster-load.ts";
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

/** Ends the heads of a topic that is written to, one after the other. */
export class HeadDeaths {
  readonly #cluster: XylemCluster;
  readonly #topic: string;
  readonly #load: ClusterLoad;

  constructor(cluster: XylemCluster, topic: string, load: ClusterLoad) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#load = load;
  }

  /** Kills the head, waits for the next one's first answer. */
  async kill(): Promise<HeadDeath> {
    return this.#after(async (head) => {
      const before = this.#load.acknowledged.length;
      const diedMs = performance.now();
      await this.#cluster.node(head).kill();
      // The answer to the first may have been on its way.
      await this.#load.goOn(2);
      return (this.#load.acknowledgedAtMs[before + 1] ?? 0) - diedMs;
    });
  }

  /**
   * The head stands still until it is told to go on; its connections stay. Waits for the first
   * answer to who asks another node over HTTP and does not wait for long: a client of Kafka's would
   * wait for its own timeout.
   */
  async pause(): Promise<HeadDeath> {
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
