import { XylemError } from "../../base/errors.ts";
import { partitionOfKey } from "../../base/murmur2.ts";
import { type BatchTools, buildBatch } from "../../protocol/build-batch.ts";
import type { RecordHeader } from "../../protocol/record.ts";
import type { Broker } from "../broker.ts";
import { ProducedBatch, produce, whenWritable } from "../produce.ts";
import type { Durability } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import { findTopic } from "./find-partition.ts";

/** A record on its way in. Its bytes are copied. */
export interface NewRecord {
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Absent: the key chooses one as Kafka's clients do; without a key, requests take turns. */
  readonly partition?: number | undefined;
  /** Milliseconds since 1970; absent: now. */
  readonly timestampMs?: number | undefined;
}

export interface AppendRecords {
  readonly topic: string;
  readonly records: readonly NewRecord[];
  /** As ProduceRequest.acks. */
  readonly acks: -1 | 0 | 1;
  /** As ProduceRequest.timeoutMs. */
  readonly timeoutMs: number;
  readonly clientId: string;
  /** Fewer replicas than this, and nothing is appended: NOT_ENOUGH_REPLICAS. */
  readonly minReplicas?: number | undefined;
  /** What the answer waits for; absent: what the topic's setting says. Not with acks=0. */
  readonly durability?: Durability | undefined;
  /**
   * The next offset of the partition, to which all records must go: when it is another one nothing
   * is appended, OFFSET_MISMATCH.
   */
  readonly expectedOffset?: number | undefined;
}

export interface AppendedRecord {
  readonly partition: number;
  /** -1 when it was not appended. */
  readonly offset: number;
  /** As stored. */
  readonly timestampMs: number;
  readonly error?: XylemError;
}

export interface AppendOutcome {
  /** In the order in which they came. */
  readonly records: readonly AppendedRecord[];
  /** All of them are known to be on a disk: a power cut takes none of them. */
  readonly isDurable: boolean;
  /** The first error: of its partition nothing was appended, others are as they say. */
  readonly error?: XylemError;
}

interface PlacedRecord {
  readonly record: NewRecord;
  readonly partition: number;
  readonly timestampMs: number;
}

/** This node is a chain of one. */
const replicaCount = 1;

/**
 * Appends records, those of one partition as one batch: stored whole or not at all. An unknown
 * topic is made where `auto.create.topics.enable` says so. Answers, does not throw, what a
 * partition refused; throws what refuses all: UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION,
 * INVALID_REQUEST, NOT_ENOUGH_REPLICAS.
 */
export async function appendRecords(
  broker: Broker,
  tools: BatchTools,
  ask: AppendRecords,
): Promise<AppendOutcome> {
  if (ask.records.length === 0) throw new XylemError("INVALID_REQUEST", "there are no records");
  checkReplicas(ask.minReplicas ?? 1);
  const topic = await ensureTopic(broker, ask.topic);
  const placed = placeRecords(broker, topic, ask.records);
  checkExpectation(ask, topic, placed);
  const batches = [...Map.groupBy(placed, ({ partition }) => partition)].map(
    ([partition, group]) => {
      const inputs = group.map(({ record, timestampMs }) => ({ ...record, timestampMs }));
      return new ProducedBatch(topic, partition, buildBatch(inputs, {}, tools));
    },
  );
  await whenWritable(batches);
  const { acks, timeoutMs, clientId, durability, expectedOffset: expectedEnd } = ask;
  const how = { acks, timeoutMs, clientId, durability, expectedEnd, transactionalId: null };
  await produce(broker, { ...how, batches });
  const isDurable = !broker.settings.memory && batches.every(isFlushed);
  return { ...outcomeOf(placed, batches), isDurable };
}

function isFlushed({ topic, index, appended }: ProducedBatch): boolean {
  const flushed = topic?.partitions[index]?.flushed ?? 0;
  return appended !== undefined && appended.lastOffset < flushed;
}

function checkReplicas(replicasMin: number): void {
  if (replicasMin <= replicaCount) return;
  throw new XylemError("NOT_ENOUGH_REPLICAS", `${replicaCount} replica of at least ${replicasMin}`);
}

/** A record that takes turns could go anywhere: nobody can know the next offset there. */
function checkExpectation(
  { expectedOffset }: AppendRecords,
  topic: Topic,
  placed: readonly PlacedRecord[],
): void {
  if (expectedOffset === undefined) return;
  const isSame = placed.every(({ partition }) => partition === placed[0]?.partition);
  const isChosen = placed.every(
    ({ record }) => record.partition !== undefined || record.key !== null,
  );
  if (isSame && (isChosen || topic.partitions.length === 1)) return;
  const detail = "an expected offset needs a partition, or a key, that all records share";
  throw new XylemError("INVALID_REQUEST", detail);
}

async function ensureTopic(broker: Broker, name: string): Promise<Topic> {
  const found = broker.topics.find(name);
  if (found !== undefined) return found;
  if (!broker.settings["auto.create.topics.enable"]) return findTopic(broker, name);
  return await broker.topics.autoCreate(name);
}

function placeRecords(
  { clock, records: { keylessTurns } }: Broker,
  topic: Topic,
  records: readonly NewRecord[],
): readonly PlacedRecord[] {
  const nowMs = clock.nowMs();
  let keyless: number | undefined;
  return records.map((record) => {
    const { key, timestampMs = nowMs } = record;
    const partition =
      record.partition ??
      (key === null
        ? (keyless ??= keylessTurns.next(topic))
        : partitionOfKey(key, topic.partitions.length));
    return { record, partition, timestampMs };
  });
}

function outcomeOf(
  placed: readonly PlacedRecord[],
  batches: readonly ProducedBatch[],
): Omit<AppendOutcome, "isDurable"> {
  const byPartition = new Map(batches.map((batch) => [batch.index, batch]));
  const taken = new Map<number, number>();
  const records = placed.map(({ partition, timestampMs }): AppendedRecord => {
    const { appended, error } = byPartition.get(partition) as ProducedBatch;
    const index = taken.get(partition) ?? 0;
    taken.set(partition, index + 1);
    const failed = error && { error };
    if (appended === undefined) return { partition, offset: -1, timestampMs, ...failed };
    const { baseOffset, logAppendTimeMs } = appended;
    const storedMs = logAppendTimeMs < 0 ? timestampMs : logAppendTimeMs;
    return { partition, offset: baseOffset + index, timestampMs: storedMs, ...failed };
  });
  const error = batches.find((batch) => batch.error !== undefined)?.error;
  return { records, ...(error && { error }) };
}
