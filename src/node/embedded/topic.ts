import { XylemError } from "../../base/errors.ts";
import { anonymous } from "../../base/principal.ts";
import type { Broker } from "../../broker/broker.ts";
import {
  appendRecords,
  type NewRecord as BrokerRecord,
} from "../../broker/records/append-records.ts";
import type { Topic as BrokerTopic } from "../../broker/topics/topics.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import type { FairTurn } from "./fair-turn.ts";
import { type ReadOptions, readTopic } from "./read-topic.ts";
import { type Appended, type NewRecord, type ReadRecord, toBytes } from "./record-content.ts";

/** What a topic of an embedded broker works on. */
export interface TopicScope {
  readonly broker: Broker;
  readonly tools: BatchTools;
  /** Aborts when the broker closes: live reads end then. */
  readonly closing: AbortSignal;
  readonly turn: FairTurn;
}

/** How an append is made; what is left out is as a careful Kafka client has it. */
export interface AppendOptions {
  /** When it is answered: `all`, once committed; 1, once held by this node; 0, at once. */
  readonly acks?: "all" | 1 | 0;
  /** What it waits for instead of what the topic's setting `durability` says. */
  readonly durability?: "fsync" | "os";
  /**
   * The partition's next offset, as the caller knows it: if something came between, nothing is
   * appended, and OFFSET_MISMATCH names both numbers. All records go to one partition.
   */
  readonly expectedOffset?: number;
  /**
   * Makes the append safe to repeat, also after a restart: the same key with the same records
   * again is answered as the first time. With other records it is IDEMPOTENCY_KEY_REUSED.
   */
  readonly idempotencyKey?: string;
  /** Fewer replicas than this, and nothing is appended: NOT_ENOUGH_REPLICAS. */
  readonly minReplicas?: number;
  /** Milliseconds to wait; REQUEST_TIMED_OUT says that the records may still come. 30 s. */
  readonly timeoutMs?: number;
}

const commitTimeoutMs = 30_000;
const acksOnWire = { all: -1, 1: 1, 0: 0 } as const;

/** One topic of an embedded broker: the same log that Kafka clients see. */
export class Topic {
  readonly name: string;
  readonly #scope: TopicScope;

  constructor(name: string, scope: TopicScope) {
    this.name = name;
    this.#scope = scope;
  }

  get partitionCount(): number {
    return this.#find().partitions.length;
  }

  /**
   * Appends records; resolves once they are committed (storage.md, acks=all). Records of one
   * partition form one batch and are stored whole or not at all. Throws XylemError, of several
   * partitions the first one's: what others took stays.
   */
  append(record: NewRecord, options?: AppendOptions): Promise<Appended>;
  append(records: readonly NewRecord[], options?: AppendOptions): Promise<Appended[]>;
  async append(
    records: NewRecord | readonly NewRecord[],
    options: AppendOptions = {},
  ): Promise<Appended | Appended[]> {
    if (isList(records)) return await this.#appendAll(records, options);
    const [appended] = await this.#appendAll([records], options);
    return appended as Appended;
  }

  /**
   * The topic's records, each partition in order. Ends at what is committed now; with `live` it
   * goes on until `signal` aborts (then it throws the signal's reason) or the broker closes.
   */
  read(options: ReadOptions = {}): AsyncGenerator<ReadRecord, void, undefined> {
    return readTopic(this.#scope, this.#find(), options);
  }

  async #appendAll(records: readonly NewRecord[], options: AppendOptions): Promise<Appended[]> {
    if (records.length === 0) return [];
    const { broker, tools, closing } = this.#scope;
    if (closing.aborted) throw new XylemError("BROKER_NOT_AVAILABLE", "the broker is closed");
    this.#find();
    const { acks = "all", timeoutMs = commitTimeoutMs, idempotencyKey: key, ...terms } = options;
    const outcome = await appendRecords(broker, tools, {
      topic: this.name,
      records: records.map(toBrokerRecord),
      ...terms,
      acks: acksOnWire[acks],
      timeoutMs,
      clientId: "embedded",
      idempotency: key === undefined ? undefined : { scope: anonymous, key },
    });
    await this.#scope.turn.share();
    if (outcome.error !== undefined) throw outcome.error;
    return outcome.records.map(({ partition, offset }) => ({
      topic: this.name,
      partition,
      offset,
    }));
  }

  #find(): BrokerTopic {
    const topic = this.#scope.broker.topics.find(this.name);
    if (topic !== undefined) return topic;
    throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${this.name}`);
  }
}

function toBrokerRecord(record: NewRecord): BrokerRecord {
  const headers = Object.entries(record.headers ?? {}).map(([name, value]) => ({
    key: name,
    value: toBytes(value),
  }));
  return {
    key: toBytes(record.key),
    value: toBytes(record.value),
    headers,
    partition: record.partition,
    timestampMs: record.timestamp,
  };
}

function isList(records: NewRecord | readonly NewRecord[]): records is readonly NewRecord[] {
  return Array.isArray(records);
}
