import { XylemError } from "../../base/errors.ts";
import { partitionOfKey } from "../../base/murmur2.ts";
import { BatchWalk } from "../../log/batch-walk.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import type { Broker } from "../broker.ts";
import { checkLatest } from "../latest-known.ts";
import { Fetch } from "../fetch/fetch.ts";
import { FetchPartition } from "../fetch/fetch-partition.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";
import { findPartition, findTopic } from "./find-partition.ts";
import type { RecordFilter } from "./record-filter.ts";
import type { RecordScope, StoredRecord } from "./stored-record.ts";
import { type ScanBudget, takeRecords } from "./take-records.ts";

export interface LatestByKey {
  readonly topic: string;
  readonly key: Uint8Array;
  /** Absent: where Kafka's clients put the key, and where it never was, all others. */
  readonly partition?: number | undefined;
}

/**
 * The newest committed record of a key, which may be a tombstone; undefined: there is none. Among
 * several partitions the latest timestamp counts. The log is searched from its end back, through
 * at most `log.search.max.bytes`. Throws SCAN_LIMIT_REACHED when that did not decide it, and
 * UNKNOWN_TOPIC_OR_PARTITION.
 */
export async function latestByKey(
  broker: Broker,
  tools: BatchTools,
  { topic: name, key, partition }: LatestByKey,
): Promise<StoredRecord | undefined> {
  const topic = findTopic(broker, name);
  const scope = { broker, tools };
  const search = new BackwardSearch(scope, topic, ofKey(key));
  const { forwarding } = broker;
  const findIn = (log: PartitionLog): Promise<StoredRecord | undefined> => {
    const here = (): Promise<StoredRecord | undefined> => search.findIn(log);
    return forwarding === undefined ? here() : forwarding.latest({ scope, topic, log }, key, here);
  };
  const first = partition ?? partitionOfKey(key, topic.partitions.length);
  const found = await findIn(findPartition(topic, first));
  if (found !== undefined || partition !== undefined) return found;
  let latest: StoredRecord | undefined;
  for (const log of topic.partitions) {
    const other = log.index === first ? undefined : await findIn(log);
    if (other && (latest === undefined || other.timestampMs > latest.timestampMs)) latest = other;
  }
  return latest;
}

/** The newest committed record of a key in a partition that this node leads. */
export async function findInPartition(
  scope: RecordScope,
  topic: Topic,
  index: number,
  key: Uint8Array,
): Promise<StoredRecord | undefined> {
  const search = new BackwardSearch(scope, topic, ofKey(key));
  return await search.findIn(findPartition(topic, index));
}

function ofKey(key: Uint8Array): RecordFilter {
  return { key, headers: [], json: [] };
}

/** The newest committed record of a partition, whatever its key; undefined: there is none. */
export async function latestOf(
  scope: RecordScope,
  topic: Topic,
  index: number,
): Promise<StoredRecord | undefined> {
  const search = new BackwardSearch(scope, topic, undefined);
  return await search.findIn(findPartition(topic, index));
}

/** What one step back is to go over; the first one less, for what is near the end. */
const stepBytes = 524_288;
const firstStepBytes = 32_768;

interface Step {
  /** All from here to the end of the step was gone over. */
  start: number;
  found: StoredRecord | undefined;
}

/** Goes back from the end in steps of so many offsets, each read forwards. */
class BackwardSearch {
  readonly #scope: RecordScope;
  readonly #topic: Topic;
  readonly #filter: RecordFilter | undefined;
  readonly #budget: ScanBudget;

  constructor(scope: RecordScope, topic: Topic, filter: RecordFilter | undefined) {
    this.#scope = scope;
    this.#topic = topic;
    this.#filter = filter;
    this.#budget = { bytesLeft: scope.broker.settings["log.search.max.bytes"] };
  }

  async findIn(log: PartitionLog): Promise<StoredRecord | undefined> {
    await log.load("facts");
    checkLatest(log);
    let end = log.lastStable;
    const recordBytes = log.sizeBytes / Math.max(1, log.end - log.logStart);
    let count = Math.max(1, Math.floor(firstStepBytes / Math.max(1, recordBytes)));
    while (end > log.logStart) {
      const leftBefore = this.#budget.bytesLeft;
      const step = await this.#findBetween(log, Math.max(log.logStart, end - count), end);
      if (step.found !== undefined) return step.found;
      end = step.start;
      const bytes = leftBefore - this.#budget.bytesLeft;
      count = bytes < stepBytes ? count * 2 : Math.max(1, Math.floor(count / 2));
    }
    return undefined;
  }

  /** The last one in the offsets [start, end), from where the batch of `start` begins. */
  async #findBetween(log: PartitionLog, start: number, end: number): Promise<Step> {
    const fetched = new FetchPartition(this.#topic, log.index, {
      fetchOffset: start,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      sizeBytesMax: stepBytes,
    });
    const step: Step = { start, found: undefined };
    let isFirst = true;
    while (fetched.fetchOffset < end) {
      if (this.#budget.bytesLeft <= 0) throw this.#limitReached(log, end);
      if (!(await this.#fetch(fetched))) return step;
      if (isFirst) step.start = fetched.fetchOffset = firstOffsetOf(fetched);
      isFirst = false;
      for (const record of this.#take(fetched)) {
        if (record.offset >= end) return step;
        step.found = record;
      }
    }
    return step;
  }

  /** Whether there was anything. What retention has removed meanwhile is gone. */
  async #fetch(fetched: FetchPartition): Promise<boolean> {
    const limits = { maxWaitMs: 0, minBytes: 1, maxBytes: stepBytes, readCommitted: true };
    await new Fetch(this.#scope.broker, limits, [fetched]).run();
    const { error } = fetched;
    if (error === undefined) return fetched.sizeBytes > 0;
    const logStart = fetched.topic?.partitions[fetched.index]?.logStart ?? 0;
    if (error.code !== "OFFSET_OUT_OF_RANGE" || fetched.fetchOffset >= logStart) throw error;
    fetched.fetchOffset = logStart;
    return await this.#fetch(fetched);
  }

  #take(fetched: FetchPartition): Generator<StoredRecord, void> {
    return takeRecords(this.#scope, fetched, { filter: this.#filter, budget: this.#budget });
  }

  #limitReached({ topic, index }: PartitionLog, end: number): XylemError {
    const bytes = this.#scope.broker.settings["log.search.max.bytes"];
    const place = `${topic}-${index} was searched back to ${end}`;
    const detail = `${place}, log.search.max.bytes is ${bytes}`;
    return new XylemError("SCAN_LIMIT_REACHED", detail);
  }
}

/** Of the first batch, so that one is not opened for each step that ends in it. */
function firstOffsetOf({ chunks, fetchOffset, logStart }: FetchPartition): number {
  const walk = new BatchWalk(chunks[0] as Uint8Array, 0, 0);
  if (walk.look() !== "batch") return fetchOffset;
  return Math.min(fetchOffset, Math.max(walk.baseOffset, logStart));
}
