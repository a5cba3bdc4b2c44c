import { readInt32 } from "../base/bytes.ts";
import type { Cancel } from "../base/clock.ts";
import { XylemError } from "../base/errors.ts";
import {
  batchBits,
  batchFields,
  batchHeaderBytes,
  batchOverheadBytes,
  batchPrefixBytes,
  currentMagic,
} from "../protocol/record-batch.ts";
import type { Broker } from "./broker.ts";
import type { Expiring } from "./deadlines.ts";
import type {
  Appended,
  AppendOptions,
  Durability,
  PartitionLog,
} from "./partition/partition-log.ts";
import type { Rehearsal } from "./ports/rehearsal.ts";
import type { Topic } from "./topics/topics.ts";

/** 0: never answered; 1: held by this node; -1: committed (storage.md, What acknowledged means). */
export interface ProduceRequest {
  /** Any int16: what is none of the three is refused. */
  readonly acks: number;
  /** How long an answer waits for the disk or the commit. The records stay when it is over. */
  readonly timeoutMs: number;
  /** Only `__admin_client` may write to internal topics. */
  readonly clientId: string;
  readonly transactionalId: string | null;
  readonly batches: readonly ProducedBatch[];
  /** What the answer waits for in place of what the topic's durability says. */
  readonly durability?: Durability | undefined;
  /**
   * As many replicas have what is answered for; fewer, and the answer waits for others to join.
   * Looked at with acks=-1.
   */
  readonly replicasMin?: number | undefined;
  /** Of the only batch: the offset at which it is taken (AppendOptions.expectedEnd). */
  readonly expectedEnd?: number | undefined;
}

/** One partition's batch on its way in, and, once answered, what became of it. */
export class ProducedBatch {
  readonly topic: Topic | undefined;
  readonly index: number;
  readonly bytes: Uint8Array | null;
  /** Set: nothing was appended, or (REQUEST_TIMED_OUT, KAFKA_STORAGE_ERROR) nobody knows. */
  error: XylemError | undefined;
  /** Set by the caller: it was appended before, and is only waited for. */
  appended: Appended | undefined;
  /** As durable as the request waits for. */
  isStored = false;
  logStart = -1;
  /** Set: batches of another log, taken as AppendOptions of origin "mirror" says. */
  mirroredFrom: number | undefined;

  /** `bytes` is given away: offsets are assigned in place. */
  constructor(topic: Topic | undefined, index: number, bytes: Uint8Array | null) {
    this.topic = topic;
    this.index = index;
    this.bytes = bytes;
  }
}

/** Of the attributes' two bytes the second holds every bit in use. */
const attributesByte = batchFields.attributes + 1;

const plainAppend: AppendOptions = { origin: "client" };
const noBytes = new Uint8Array();

/** Clients that may write to internal topics (Kafka's own admin tools use this id). */
const internalClientId = "__admin_client";

/**
 * Resolves when every partition of `batches` takes appends; undefined: they all do. One that does
 * not open refuses its batch. The caller lets no later append of the same client overtake while it
 * waits.
 */
export function whenWritable(batches: readonly ProducedBatch[]): Promise<void> | undefined {
  let loads: Promise<void>[] | undefined;
  for (const batch of batches) {
    if (batch.error !== undefined) continue;
    const loading = batch.topic?.partitions[batch.index]?.load();
    if (loading !== undefined) (loads ??= []).push(refuseUnlessOpen(batch, loading));
  }
  return loads === undefined
    ? whenRoomy(batches)
    : Promise.all(loads).then(() => whenWritable(batches));
}

async function refuseUnlessOpen(batch: ProducedBatch, loading: Promise<void>): Promise<void> {
  try {
    await loading;
  } catch (error) {
    batch.error = asXylemError(error as Error);
  }
}

function whenRoomy(batches: readonly ProducedBatch[]): Promise<void> | undefined {
  for (const batch of batches) {
    const backlog = batch.topic?.partitions[batch.index]?.writable();
    if (backlog !== undefined) return backlog.then(() => whenWritable(batches));
  }
  return undefined;
}

/**
 * Appends each batch to its partition, in order, before it returns; the outcome is in the batches
 * once the answer has resolved (undefined: it is there already). Checks are those of semantics.md 2
 * in their order; 13 and later are the partition's. Throws what refuses the request as a whole.
 */
export function produce(broker: Broker, request: ProduceRequest): Promise<void> | undefined {
  checkTransactions(request);
  for (const batch of request.batches) {
    if (batch.error === undefined && batch.appended === undefined) appendBatch(batch, request);
  }
  if (broker.rehearsal !== undefined) tell(broker.rehearsal, request.batches);
  if (request.acks === 0) return undefined;
  const pending = new PendingProduce(broker, request.acks === -1);
  return pending.start(request);
}

/** No transaction can be open yet: a transactional batch is never part of one. */
function checkTransactions(request: ProduceRequest): void {
  for (const batch of request.batches) {
    if (batch.error !== undefined || !isTransactional(batch.bytes)) continue;
    if (request.transactionalId === null) {
      throw new XylemError(
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        "a transactional batch needs a transactional id",
      );
    }
    batch.error = new XylemError("INVALID_TXN_STATE", "the partition is in no open transaction");
  }
}

function isTransactional(bytes: Uint8Array | null): boolean {
  if (bytes === null || bytes.length < batchHeaderBytes) return false;
  return ((bytes[attributesByte] as number) & batchBits.transactional) !== 0;
}

function appendBatch(batch: ProducedBatch, request: ProduceRequest): void {
  try {
    const partition = findPartition(batch);
    const options = optionsOf(batch, request);
    const bytes = options.origin === "mirror" ? (batch.bytes ?? noBytes) : checkShape(batch.bytes);
    checkAllowed(batch.topic as Topic, request);
    if (request.acks === -1) checkReplicas(batch.topic as Topic, partition);
    batch.appended = partition.append(bytes, options);
    batch.logStart = partition.logStart;
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    batch.error = error;
  }
}

function optionsOf(
  { mirroredFrom }: ProducedBatch,
  { expectedEnd }: ProduceRequest,
): AppendOptions {
  if (mirroredFrom !== undefined) return { origin: "mirror", expectedEnd: mirroredFrom };
  return expectedEnd === undefined ? plainAppend : { ...plainAppend, expectedEnd };
}

function tell(rehearsal: Rehearsal, batches: readonly ProducedBatch[]): void {
  for (const { topic, index, appended } of batches) {
    if (appended !== undefined) rehearsal.appended(topic?.name ?? "", index, appended);
  }
}

function findPartition(batch: ProducedBatch): PartitionLog {
  const partition = batch.topic?.partitions[batch.index];
  if (partition !== undefined) return partition;
  const name =
    batch.topic === undefined ? "no such topic" : `no ${batch.topic.name}-${batch.index}`;
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", name);
}

/** Exactly one batch of magic 2 (check 6). What is inside it is the partition's to judge. */
function checkShape(bytes: Uint8Array | null): Uint8Array {
  if (bytes === null || bytes.length < batchPrefixBytes) {
    throw new XylemError("INVALID_RECORD", "a produce request carries one batch per partition");
  }
  const magic = bytes[batchFields.magic];
  if (magic !== currentMagic) {
    throw new XylemError("INVALID_RECORD", `record format ${magic}: only ${currentMagic} is taken`);
  }
  const sizeBytes = readInt32(bytes, batchFields.batchLength) + batchOverheadBytes;
  if (sizeBytes < batchHeaderBytes) {
    throw new XylemError("CORRUPT_MESSAGE", `a batch of ${sizeBytes} bytes can not be`);
  }
  if (sizeBytes !== bytes.length) {
    throw new XylemError(
      "INVALID_RECORD",
      `exactly one batch is taken: it says ${sizeBytes} bytes, ${bytes.length} were sent`,
    );
  }
  return bytes;
}

/** Checks 9 to 11. */
function checkAllowed(topic: Topic, request: ProduceRequest): void {
  const { acks } = request;
  if (acks !== -1 && acks !== 0 && acks !== 1) {
    throw new XylemError("INVALID_REQUIRED_ACKS", `acks ${acks}: -1, 0 and 1 are known`);
  }
  if (topic.isInternal && request.clientId !== internalClientId) {
    throw new XylemError("INVALID_TOPIC_EXCEPTION", `${topic.name} is written by the broker only`);
  }
}

/** Check 12. Where the partition is elsewhere the client is told that by the partition. */
function checkReplicas(topic: Topic, partition: PartitionLog): void {
  const replicasMin = topic.settings["min.insync.replicas"];
  const { inSyncCount = 1 } = partition;
  if (replicasMin <= inSyncCount || partition.absence !== undefined) return;
  const detail = `${inSyncCount} of at least ${replicasMin} replicas are in sync`;
  throw new XylemError("NOT_ENOUGH_REPLICAS", detail);
}

/**
 * Kafka does not look at the time limit of acks=1: a client that names a short one, or none, must
 * not be refused for an ordinary flush.
 */
const heldTimeoutMsMin = 1_000;

/** Counts down the batches of one request that wait to be held or committed. */
class PendingProduce implements Expiring {
  readonly #broker: Broker;
  readonly #waitsForCommit: boolean;
  #batches: readonly ProducedBatch[] = [];
  #durability: Durability | undefined;
  #replicasMin = 1;
  #waiting = 0;
  #isExpired = false;
  #resolve: (() => void) | undefined;
  #cancels: Cancel[] | undefined;
  #deadlineSlot = 0;

  constructor(broker: Broker, waitsForCommit: boolean) {
    this.#broker = broker;
    this.#waitsForCommit = waitsForCommit;
  }

  start(request: ProduceRequest): Promise<void> | undefined {
    this.#batches = request.batches;
    this.#durability = request.durability;
    this.#replicasMin = request.replicasMin ?? 1;
    // One more than the batches: callbacks that come at once must not end the count early.
    this.#waiting = 1;
    for (const [at, { error }] of request.batches.entries()) {
      if (error === undefined) this.#await(at);
    }
    this.#waiting -= 1;
    if (this.#waiting === 0) return undefined;
    const { timeoutMs } = request;
    const waitMs = this.#waitsForCommit ? timeoutMs : Math.max(timeoutMs, heldTimeoutMsMin);
    this.#deadlineSlot = this.#broker.deadlines.add(this, waitMs);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** What is not held or committed in time says so; its records stay. */
  expire(): void {
    this.#isExpired = true;
    const min = this.#replicasMin;
    const what = min > 1 ? `on ${min} replicas` : this.#waitsForCommit ? "committed" : "held";
    for (const batch of this.#batches) {
      if (batch.error !== undefined || batch.isStored) continue;
      const detail = `not ${what} in time; the record may still be`;
      batch.error = new XylemError("REQUEST_TIMED_OUT", detail);
    }
    // Who is called back for them may be so much later, or never.
    this.#batches = [];
    for (const cancel of this.#cancels ?? []) cancel();
    this.#resolve?.();
  }

  #await(at: number): void {
    const batch = this.#batches[at] as ProducedBatch;
    const partition = batch.topic?.partitions[batch.index] as PartitionLog;
    const next = (batch.appended as Appended).lastOffset + 1;
    const done = (error?: Error): void => this.#done(at, error);
    const replicasMin = this.#waitsForCommit ? this.#replicasMin : 0;
    this.#waiting += 1;
    if (this.#durability !== undefined || replicasMin > 1) {
      const durability = this.#durability ?? durabilityOf(batch.topic as Topic);
      const cancel = partition.whenStored(next, durability, done, replicasMin);
      if (cancel !== undefined) (this.#cancels ??= []).push(cancel);
    } else if (this.#waitsForCommit) partition.whenCommitted(next, done);
    else partition.whenHeld(next, done);
  }

  #done(at: number, error: Error | undefined): void {
    if (this.#isExpired) return;
    const batch = this.#batches[at] as ProducedBatch;
    if (error === undefined) batch.isStored = true;
    else batch.error = asXylemError(error);
    this.#waiting -= 1;
    if (this.#waiting > 0 || this.#resolve === undefined) return;
    this.#broker.deadlines.remove(this, this.#deadlineSlot);
    this.#resolve();
  }
}

/** As its partitions have it. */
function durabilityOf({ isInternal, settings }: Topic): Durability {
  return isInternal ? "fsync" : settings.durability;
}

function asXylemError(error: Error): XylemError {
  if (error instanceof XylemError) return error;
  return new XylemError("KAFKA_STORAGE_ERROR", "the partition stopped", { cause: error });
}
