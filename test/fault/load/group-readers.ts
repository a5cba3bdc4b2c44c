import { setTimeout as sleep } from "node:timers/promises";
import type { Consumer, EachBatchPayload, Kafka } from "kafkajs";
import { CommitWatch } from "./commit-watch.ts";
import { Delivered } from "./delivered.ts";
import type { Gate } from "./gate.ts";
import type { GroupLoad } from "./lane.ts";

const membersCount = 2;

/** kafkajs members. A commit is asked for only when none as high was asked for before it. */
export class GroupReaders implements GroupLoad {
  readonly client = "kafkajs";
  readonly watch: CommitWatch;
  readonly delivered = new Delivered();
  readonly complaints: readonly string[] = [];
  readonly #kafka: Kafka;
  readonly #asked = new Map<string, number>();
  #restartCount = 0;

  constructor(kafka: Kafka, groupId: string, topics: readonly string[]) {
    this.#kafka = kafka;
    this.watch = new CommitWatch(kafka, groupId, topics);
  }

  get restartCount(): number {
    return this.#restartCount;
  }

  async run(gate: Gate): Promise<void> {
    const members = Array.from({ length: membersCount }, () => this.#keepMember(gate));
    await Promise.all([...members, this.watch.run(gate)]);
  }

  /** A member, and another one when it has given up. */
  async #keepMember(gate: Gate): Promise<void> {
    while (!gate.isEnded) {
      const consumer = this.#kafka.consumer({
        groupId: this.watch.groupId,
        sessionTimeout: 10_000,
        rebalanceTimeout: 15_000,
        heartbeatInterval: 1_000,
        maxWaitTimeInMs: 500,
      });
      let hasGivenUp = false;
      consumer.on("consumer.crash", ({ payload }) => {
        hasGivenUp ||= !payload.restart;
      });
      await this.#start(consumer).catch(() => {
        hasGivenUp = true;
      });
      while (!gate.isEnded && !hasGivenUp) await sleep(100);
      if (!gate.isEnded) this.#restartCount += 1;
      await Promise.race([consumer.disconnect().catch(() => undefined), sleep(5_000)]);
    }
  }

  async #start(consumer: Consumer): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.watch.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#take(consumer, payload),
    });
  }

  async #take(consumer: Consumer, { batch, ...more }: EachBatchPayload): Promise<void> {
    const { topic, partition } = batch;
    const key = `${topic}-${partition}`;
    for (const { offset } of batch.messages) {
      if (!more.isRunning() || more.isStale()) return;
      this.delivered.note(key, Number(offset));
      more.resolveOffset(offset);
    }
    const next = Number(batch.lastOffset()) + 1;
    if (next > (this.#asked.get(key) ?? 0)) {
      this.#asked.set(key, next);
      await consumer.commitOffsets([{ topic, partition, offset: String(next) }]);
      this.watch.noteAcknowledged(key, next);
    }
    await more.heartbeat();
  }
}
