import { setTimeout as sleep } from "node:timers/promises";
import type { Kafka } from "kafkajs";
import type { CommitEvent } from "../checks/commits-kept.ts";
import type { Gate } from "./gate.ts";

const watchMs = 500;

/** What was committed of one group: as its members were told, and as somebody saw who looks on. */
export class CommitWatch {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** By `topic-partition`, in the order of what happened. */
  readonly commits = new Map<string, CommitEvent[]>();
  readonly #kafka: Kafka;

  constructor(kafka: Kafka, groupId: string, topics: readonly string[]) {
    this.#kafka = kafka;
    this.groupId = groupId;
    this.topics = topics;
  }

  /** A member was answered. */
  noteAcknowledged(key: string, offset: number): void {
    this.#note(key, { kind: "acknowledged", offset, atMs: performance.now() });
  }

  async run(gate: Gate): Promise<void> {
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
