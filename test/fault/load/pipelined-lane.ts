import { setTimeout as sleep } from "node:timers/promises";
import { LedgerProducer } from "../../crash/ledger-producer.ts";
import type { FaultCluster } from "../campaign/fault-cluster.ts";
import { nodePort } from "../campaign/fault-node.ts";
import type { Gate } from "./gate.ts";
import type { Lane } from "./lane.ts";

const restMs = 20;
const lookMs = 50;
/** A head that is silent for so long is given up. */
const silenceMsMax = 4_000;

/** An idempotent producer that has five batches under way, as Kafka's own and librdkafka have. */
export class PipelinedLane implements Lane {
  readonly client = "five under way";
  readonly topic: string;
  readonly partition = 0;
  readonly answeredMs: number[] = [];
  readonly complaints: string[] = [];
  readonly #writer: number;
  readonly #cluster: FaultCluster;
  readonly #producer: LedgerProducer;

  constructor(options: { cluster: FaultCluster; topic: string; writer: number }) {
    this.#cluster = options.cluster;
    this.topic = options.topic;
    this.#writer = options.writer;
    const onAnswer = (): void => void this.answeredMs.push(performance.now());
    const place = { topic: this.topic, partitions: 1, restMs, onAnswer };
    this.#producer = new LedgerProducer(this.#writer, place);
  }

  get ledgers() {
    return new Map([[this.#writer, this.#producer.acknowledged[0]?.[1] ?? []]]);
  }

  async run(gate: Gate): Promise<void> {
    while (!gate.isEnded) {
      const [place] = await this.#cluster.partitions(this.topic);
      const head = this.#cluster.nodes.find(({ id }) => id === place?.leader);
      if (head === undefined) await sleep(restMs);
      else if (!(await this.#runAt(head.address, gate))) return;
      await sleep(restMs);
      if (gate.isClosed && this.#producer.isAllAnswered && !(await gate.pass(this))) return;
    }
  }

  /** Until the head answers no more, or the gate closes; answers whether it may go on. */
  async #runAt(address: string, gate: Gate): Promise<boolean> {
    let heardMs = performance.now();
    const watch = setInterval(() => {
      heardMs = Math.max(heardMs, this.answeredMs.at(-1) ?? 0);
      if (performance.now() - heardMs > silenceMsMax) this.#producer.disconnect();
      if (gate.isClosed) this.#producer.drain();
    }, lookMs);
    try {
      await this.#producer.run(nodePort, address);
      return true;
    } catch (error) {
      this.complaints.push(`${this.topic}: ${(error as Error).message}`);
      return false;
    } finally {
      clearInterval(watch);
    }
  }
}
