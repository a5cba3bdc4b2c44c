import { XylemError } from "../../base/errors.ts";
import type { KeptAppend } from "../../log/idempotency/key-table.ts";
import { type BatchTools, buildBatch } from "../../protocol/build-batch.ts";
import type { RecordHeader } from "../../protocol/record.ts";
import type { Broker } from "../broker.ts";
import { placeOf } from "../cluster/partition-place.ts";
import { ProducedBatch, produce, whenWritable } from "../produce.ts";
import type { Durability } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import { findPartition, findTopic } from "./find-partition.ts";
import { fingerprintOf, type IdempotencyKey, withoutNotes } from "./idempotency/append-note.ts";
import type { KeyUse } from "./idempotency/key-use.ts";
import { checkExpectation, type PlacedRecord, placeRecords } from "./place-records.ts";
import type { RecordScope } from "./stored-record.ts";

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
  /**
   * As many replicas have what is answered for, whatever `acks` says but 0. Fewer before it is
   * appended, and nothing is: NOT_ENOUGH_REPLICAS. Fewer later, and the answer waits for others.
   */
  readonly minReplicas?: number | undefined;
  /** What the answer waits for; absent: what the topic's setting says. Not with acks=0. */
  readonly durability?: Durability | undefined;
  /**
   * The next offset of the partition, to which all records must go: when it is another one nothing
   * is appended, OFFSET_MISMATCH.
   */
  readonly expectedOffset?: number | undefined;
  /**
   * The same key with the same records again is answered as the first time, and appended only where
   * it was not: of several partitions each remembers for itself. With other records it is
   * IDEMPOTENCY_KEY_REUSED; while the first is under way, IDEMPOTENCY_KEY_IN_FLIGHT.
   */
  readonly idempotency?: IdempotencyKey | undefined;
  /** Refused where another node leads. */
  readonly staysHere?: boolean;
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
  /** Nothing was appended: an earlier request with the same key had done it. */
  readonly isDuplicate: boolean;
  /** The first error: of its partition nothing was appended, others are as they say. */
  readonly error?: XylemError;
}

/**
 * Appends records, those of one partition as one batch: stored whole or not at all; in a cluster
 * each where its partition is led. An unknown
 * topic is made where `auto.create.topics.enable` says so. Answers, does not throw, what a
 * partition refused; throws what refuses all: UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION,
 * INVALID_REQUEST, NOT_ENOUGH_REPLICAS, IDEMPOTENCY_KEY_REUSED and IDEMPOTENCY_KEY_IN_FLIGHT.
 */
export async function appendRecords(
  broker: Broker,
  tools: BatchTools,
  ask: AppendRecords,
): Promise<AppendOutcome> {
  if (ask.records.length === 0) throw new XylemError("INVALID_REQUEST", "there are no records");
  checkReplicasEver(broker, ask);
  const topic = await ensureTopic(broker, ask.topic);
  const nowMs = broker.clock.nowMs();
  const placed = placeRecords(broker, topic, { ask, nowMs });
  checkExpectation(ask, topic, placed);
  const fingerprint = ask.idempotency === undefined ? "" : fingerprintOf(ask.records);
  const appending = { scope: { broker, tools }, topic, ask, placed, nowMs, fingerprint };
  const { forwarding } = broker;
  if (forwarding === undefined || ask.staysHere === true) return await appendPlaced(appending);
  return await forwarding.append(appending);
}

export interface Appending {
  readonly scope: RecordScope;
  readonly topic: Topic;
  readonly ask: AppendRecords;
  /** Of the request's records those that are appended. */
  readonly placed: readonly PlacedRecord[];
  readonly nowMs: number;
  /** Of all of the request's records; empty without an idempotency key. */
  readonly fingerprint: string;
}

/** Appends to partitions that this node leads. Answers and throws as `appendRecords`. */
export async function appendPlaced(appending: Appending): Promise<AppendOutcome> {
  const { scope, topic, ask } = appending;
  checkReplicas(appending);
  const { idempotency } = ask;
  if (idempotency === undefined) return await append(appending, undefined);
  const use = scope.broker.records.idempotency.begin(scope, topic, idempotency);
  try {
    return await append(appending, use);
  } finally {
    use.end();
  }
}

async function append(appending: Appending, use: KeyUse | undefined): Promise<AppendOutcome> {
  const { scope, ask, placed, nowMs, fingerprint } = appending;
  const groups = Map.groupBy(placed, ({ partition }) => partition);
  await use?.load(groups.keys(), ask.timeoutMs);
  const kept = use?.find(fingerprint) ?? noneKept;
  checkSamePlaces(kept, groups);
  const batches = [...groups].map(([index, group]) => {
    const before = kept.get(index);
    if (before !== undefined) return answeredBatch(appending.topic, index, before);
    const headers = use?.headers({ fingerprint, recordCount: group.length, timeMs: nowMs });
    return newBatch(appending, { index, group, headers });
  });
  await whenWritable(batches);
  use?.check();
  const { timeoutMs, clientId, durability, expectedOffset: expectedEnd } = ask;
  const { minReplicas: replicasMin = 1 } = ask;
  // Only what the whole chain has is known to be on as many.
  const acks = replicasMin > 1 && ask.acks === 1 ? -1 : ask.acks;
  const waits = { acks, timeoutMs, durability, replicasMin };
  const how = { ...waits, clientId, expectedEnd, transactionalId: null };
  const answered = produce(scope.broker, { ...how, batches });
  for (const batch of batches) use?.keep(batch, fingerprint, nowMs);
  await answered;
  const isDurable = !scope.broker.settings.memory && batches.every(isFlushed);
  const isDuplicate = batches.every(({ appended }) => appended?.isDuplicate === true);
  return { ...outcomeOf(placed, batches, kept), isDurable, isDuplicate };
}

/** The topic got more partitions since: what went where can not be told, nor appended again. */
function checkSamePlaces(
  kept: ReadonlyMap<number, KeptAppend>,
  groups: ReadonlyMap<number, readonly PlacedRecord[]>,
): void {
  for (const [index, { recordCount }] of kept) {
    if (groups.get(index)?.length === recordCount) continue;
    const detail = "the partitions of the topic are others than when this idempotency key came";
    throw new XylemError("IDEMPOTENCY_KEY_REUSED", detail);
  }
}

const noneKept: ReadonlyMap<number, KeptAppend> = new Map();

/** What was appended before under the same key: it is only waited for. */
function answeredBatch(topic: Topic, index: number, kept: KeptAppend): ProducedBatch {
  const batch = new ProducedBatch(topic, index, null);
  const { baseOffset, recordCount, timeMs } = kept;
  const isAppendTime = topic.settings["message.timestamp.type"] === "LogAppendTime";
  batch.appended = {
    baseOffset,
    lastOffset: baseOffset + recordCount - 1,
    logAppendTimeMs: isAppendTime ? timeMs : -1,
    isDuplicate: true,
  };
  return batch;
}

interface Group {
  readonly index: number;
  readonly group: readonly PlacedRecord[];
  /** Of the first record, before its own. */
  readonly headers: readonly RecordHeader[] | undefined;
}

function newBatch({ scope, topic, nowMs }: Appending, { index, group, headers = [] }: Group) {
  const inputs = group.map(({ record }, at) => ({
    key: record.key,
    value: record.value,
    headers: [...(at === 0 ? headers : []), ...withoutNotes(record.headers)],
    timestampMs: record.timestampMs ?? nowMs,
  }));
  return new ProducedBatch(topic, index, buildBatch(inputs, {}, scope.tools));
}

function isFlushed({ topic, index, appended }: ProducedBatch): boolean {
  const flushed = topic?.partitions[index]?.flushed ?? 0;
  return appended !== undefined && appended.lastOffset < flushed;
}

/** No topic is made for records that it could not take. */
function checkReplicasEver({ cluster }: Broker, { minReplicas = 1 }: AppendRecords): void {
  checkReplicaCount(cluster === undefined ? 1 : cluster.image.seats.length, minReplicas);
}

/** Counted are those that have all that is committed. */
function checkReplicas({ scope: { broker }, topic, ask, placed }: Appending): void {
  const { minReplicas = 1 } = ask;
  if (minReplicas <= 1) return;
  for (const { partition } of placed) {
    const { inSync } = placeOf(broker, topic.id, findPartition(topic, partition));
    checkReplicaCount(inSync.length, minReplicas);
  }
}

function checkReplicaCount(count: number, countMin: number): void {
  if (count >= countMin) return;
  const text = count === 1 ? "1 replica" : `${count} replicas`;
  throw new XylemError("NOT_ENOUGH_REPLICAS", `${text} of at least ${countMin}`);
}

async function ensureTopic(broker: Broker, name: string): Promise<Topic> {
  const found = broker.topics.find(name);
  if (found !== undefined) return found;
  if (!broker.settings["auto.create.topics.enable"]) return findTopic(broker, name);
  return await broker.topics.autoCreate(name);
}

function outcomeOf(
  placed: readonly PlacedRecord[],
  batches: readonly ProducedBatch[],
  kept: ReadonlyMap<number, KeptAppend>,
): Omit<AppendOutcome, "isDurable" | "isDuplicate"> {
  const byPartition = new Map(batches.map((batch) => [batch.index, batch]));
  const taken = new Map<number, number>();
  const records = placed.map(({ record, partition, ...placedAt }): AppendedRecord => {
    const { appended, error } = byPartition.get(partition) as ProducedBatch;
    const index = taken.get(partition) ?? 0;
    taken.set(partition, index + 1);
    const failed = error && { error };
    const keptMs = kept.get(partition)?.timeMs;
    const timestampMs = record.timestampMs ?? keptMs ?? placedAt.timestampMs;
    if (appended === undefined) return { partition, offset: -1, timestampMs, ...failed };
    const { baseOffset, logAppendTimeMs } = appended;
    const storedMs = logAppendTimeMs < 0 ? timestampMs : logAppendTimeMs;
    return { partition, offset: baseOffset + index, timestampMs: storedMs, ...failed };
  });
  const error = batches.find((batch) => batch.error !== undefined)?.error;
  return { records, ...(error && { error }) };
}
