import { XylemError } from "../../base/errors.ts";
import { partitionOfKey } from "../../base/murmur2.ts";
import type { Broker } from "../../broker/broker.ts";
import { ProducedBatch, produce, whenWritable } from "../../broker/produce.ts";
import type { Topic as BrokerTopic } from "../../broker/topics/topics.ts";
import { type BatchTools, type RecordInput, buildBatch } from "../../protocol/build-batch.ts";
import { type ReadOptions, readTopic } from "./read-topic.ts";
import { type Appended, type NewRecord, type ReadRecord, toBytes } from "./record-content.ts";

/** What a topic of an embedded broker works on. */
export interface TopicScope {
  readonly broker: Broker;
  readonly tools: BatchTools;
  /** Aborts when the broker closes: live reads end then. */
  readonly closing: AbortSignal;
}

interface Placed {
  readonly record: RecordInput;
  readonly partition: number;
}

/** Time an append waits for its records to be committed. */
const commitTimeoutMs = 30_000;

/** One topic of an embedded broker: the same log that Kafka clients see. */
export class Topic {
  readonly name: string;
  readonly #scope: TopicScope;
  #nextPartition = 0;

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
    const topic = this.#find();
    const placed = records.map((record) => this.#place(record, topic));
    const byPartition = Map.groupBy(placed, ({ partition }) => partition);
    const batches = [...byPartition].map(([partition, group]) => {
      const inputs = group.map(({ record }) => record);
      return new ProducedBatch(topic, partition, buildBatch(inputs, {}, this.#scope.tools));
    });
    await whenWritable(batches);
    await produce(this.#scope.broker, {
      acks: -1,
      timeoutMs: commitTimeoutMs,
      clientId: "embedded",
      transactionalId: null,
      batches,
    });
    return this.#outcome(placed, batches);
  }

  #outcome(placed: readonly Placed[], batches: readonly ProducedBatch[]): Appended[] {
    const next = new Map<number, number>();
    for (const batch of batches) {
      if (batch.error !== undefined) throw batch.error;
      next.set(batch.index, batch.appended?.baseOffset ?? -1);
    }
    return placed.map(({ partition }) => {
      const offset = next.get(partition) ?? -1;
      next.set(partition, offset + 1);
      return { topic: this.name, partition, offset };
    });
  }

  #place(record: NewRecord, topic: BrokerTopic): Placed {
    const key = toBytes(record.key);
    const count = topic.partitions.length;
    const headers = Object.entries(record.headers ?? {}).map(([name, value]) => ({
      key: name,
      value: toBytes(value),
    }));
    const input = {
      key,
      value: toBytes(record.value),
      headers,
      timestampMs: record.timestamp ?? this.#scope.broker.clock.nowMs(),
    };
    if (record.partition !== undefined) return { record: input, partition: record.partition };
    if (key !== null) return { record: input, partition: partitionOfKey(key, count) };
    this.#nextPartition = (this.#nextPartition + 1) % count;
    return { record: input, partition: this.#nextPartition };
  }

  #find(): BrokerTopic {
    const topic = this.#scope.broker.topics.find(this.name);
    if (topic !== undefined) return topic;
    throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${this.name}`);
  }
}

function isList(records: NewRecord | readonly NewRecord[]): records is readonly NewRecord[] {
  return Array.isArray(records);
}
