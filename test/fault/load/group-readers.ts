import { setTimeout as sleep } from "node:timers/promises";
import type { Consumer, EachBatchPayload, Kafka } from "kafkajs";
import type { CommitEvent } from "../checks/commits-kept.ts";
import type { Gate } from "./gate.ts";

const membersCount = 2;
const watchMs = 500;

/**
 * Members of one consumer group that commit what they have read, and somebody who keeps looking at
 * what is committed. A commit is asked for only when none as high was asked for before it.
 */
export class GroupReaders {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** By `topic-partition`: offsets that reached a member. */
  readonly delivered = new Map<string, Set<number>>();
  /** By `topic-partition`, in the order of what happened. */
  readonly commits = new Map<string, CommitEvent[]>();
  readonly #kafka: Kafka;
  readonly #asked = new Map<string, number>();
  #restartCount = 0;

  constructor(kafka: Kafka, groupId: string, topics: readonly string[]) {
    this.#kafka = kafka;
    this.groupId = groupId;
    this.topics = topics;
  }

  /** Members that had given up and were replaced. */
  get restartCount(): number {
    return this.#restartCount;
  }

  async run(gate: Gate): Promise<void> {
    const members = Array.from({ length: membersCount }, () => this.#keepMember(gate));
    await Promise.all([...members, this.#watch(gate)]);
  }

  /** A member, and another one when it has given up. */
  async #keepMember(gate: Gate): Promise<void> {
    while (!gate.isEnded) {
      const consumer = this.#kafka.consumer({
        groupId: this.groupId,
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
    await consumer.subscribe({ topics: [...this.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#take(consumer, payload),
    });
  }

  async #take(consumer: Consumer, { batch, ...more }: EachBatchPayload): Promise<void> {
    const { topic, partition } = batch;
    const key = `${topic}-${partition}`;
    const delivered = this.delivered.get(key) ?? new Set();
    this.delivered.set(key, delivered);
    for (const { offset } of batch.messages) {
      if (!more.isRunning() || more.isStale()) return;
      delivered.add(Number(offset));
      more.resolveOffset(offset);
    }
    const next = Number(batch.lastOffset()) + 1;
    if (next > (this.#asked.get(key) ?? 0)) {
      this.#asked.set(key, next);
      await consumer.commitOffsets([{ topic, partition, offset: String(next) }]);
      this.#note(key, { kind: "acknowledged", offset: next, atMs: performance.now() });
    }
    await more.heartbeat();
  }

  async #watch(gate: Gate): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    while (!gate.isEnded) {
      const askedMs = performance.now();
      const answer = await admin
        .fetchOffsets({ groupId: this.groupId, topics: [...this.topics] })
        .catch(() => []);
      for (const { topic, partitions } of answer) {
        for (const { partition, offset } of partitions) {
          const key = `${topic}-${partition}`;
          this.#note(key, { kind: "seen", offset: Number(offset), atMs: askedMs });
        }
      }
      await sleep(watchMs);
    }
    await admin.disconnect();
  }

  #note(key: string, event: CommitEvent): void {
    const events = this.commits.get(key) ?? [];
    this.commits.set(key, events);
    events.push(event);
  }
}
