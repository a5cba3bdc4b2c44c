import { XylemError } from "../../base/errors.ts";
import type { Broker } from "../../broker/broker.ts";
import {
  appendRecords,
  type NewRecord as BrokerRecord,
} from "../../broker/records/append-records.ts";
import type { Topic as BrokerTopic } from "../../broker/topics/topics.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import { type ReadOptions, readTopic } from "./read-topic.ts";
import { type Appended, type NewRecord, type ReadRecord, toBytes } from "./record-content.ts";

/** What a topic of an embedded broker works on. */
export interface TopicScope {
  readonly broker: Broker;
  readonly tools: BatchTools;
  /** Aborts when the broker closes: live reads end then. */
  readonly closing: AbortSignal;
}

/** Time an append waits for its records to be committed. */
const commitTimeoutMs = 30_000;

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
   * partition form one batch and are stored whole or not at all. Throws XylemError.
   */
  append(record: NewRecord): Promise<Appended>;
  append(records: readonly NewRecord[]): Promise<Appended[]>;
  async append(records: NewRecord | readonly NewRecord[]): Promise<Appended | Appended[]> {
    if (isList(records)) return await this.#appendAll(records);
    const [appended] = await this.#appendAll([records]);
    return appended as Appended;
  }

  /**
   * The topic's records, each partition in order. Ends at what is committed now; with `live` it
   * goes on until `signal` aborts (then it throws the signal's reason) or the broker closes.
   */
  read(options: ReadOptions = {}): AsyncGenerator<ReadRecord, void, undefined> {
    return readTopic(this.#scope, this.#find(), options);
  }

  async #appendAll(records: readonly NewRecord[]): Promise<Appended[]> {
    if (records.length === 0) return [];
    this.#find();
    const { broker, tools } = this.#scope;
    const outcome = await appendRecords(broker, tools, {
      topic: this.name,
      records: records.map(toBrokerRecord),
      acks: -1,
      timeoutMs: commitTimeoutMs,
      clientId: "embedded",
    });
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
