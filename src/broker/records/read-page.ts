import { XylemError } from "../../base/errors.ts";
import type { StopSignal } from "../../base/stop-signal.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import type { Broker } from "../broker.ts";
import { checkLatest } from "../latest-known.ts";
import { Fetch } from "../fetch/fetch.ts";
import { FetchPartition } from "../fetch/fetch-partition.ts";
import { isMoved } from "../forwarding/moved.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { outOfRange } from "../partition/refusals.ts";
import type { Topic } from "../topics/topics.ts";
import { type AnswerRoom, recordOverheadBytes } from "./answer-room.ts";
import { findPartition, findTopic } from "./find-partition.ts";
import { type Position, resolvePosition } from "./position.ts";
import type { RecordFilter } from "./record-filter.ts";
import { ReaderCount } from "./reader-count.ts";
import { runFetch } from "./run-fetch.ts";
import { contentBytes, type RecordScope, type StoredRecord } from "./stored-record.ts";
import { type ScanBudget, takeRecords } from "./take-records.ts";

export interface ReadPage {
  readonly topic: string;
  readonly partition: number;
  readonly position: Position;
  /** Records, at least 1. */
  readonly limit: number;
  /** Of keys, values and headers; the first record comes whole whatever its size. */
  readonly maxBytes: number;
  /** How long it waits for a record while there is none; 0: not at all. */
  readonly waitMs: number;
  readonly filter?: RecordFilter | undefined;
  /** Where to read when the position is not in the log; absent: that is an error. */
  readonly reset?: "earliest" | "latest" | undefined;
  /** Aborted: the answer is what there is so far. */
  readonly signal?: StopSignal | undefined;
  /** Where the records count, each with `recordOverheadBytes`; absent: nowhere. */
  readonly room?: AnswerRoom | undefined;
}

export interface Page {
  readonly records: readonly StoredRecord[];
  /** Where the next page begins, past all that the filter left out. */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStable: number;
  readonly logStart: number;
  /** False at a new head: what is not here may be committed all the same (KIP-207). */
  readonly isLatestKnown: boolean;
  /** The position was not in the log, and `reset` said where to go. */
  readonly wasReset: boolean;
}

const fetchSizeBytesMax = 1_048_576;
const fetchSizeBytesMin = 16_384;
/** A guess, so that who wants few records does not have many read from the disk. */
const recordSizeBytes = 1_024;

/**
 * Records of one partition, of committed transactions only, from a position on. At the end of the
 * log it is empty, or waits for what comes. With a filter it goes over at most
 * `http.filter.scan.max.bytes` and answers how far it came. It ends before what can not be read,
 * which only the page that begins there throws: CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR. Throws
 * UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE, OFFSET_NOT_AVAILABLE while a new head does not
 * know its end, and where it would wait THROTTLING_QUOTA_EXCEEDED past `live.readers.max`.
 */
export async function readPage(broker: Broker, tools: BatchTools, ask: ReadPage): Promise<Page> {
  const topic = findTopic(broker, ask.topic);
  const scope = { broker, tools };
  const { forwarding } = broker;
  if (forwarding === undefined) return await readHere(scope, topic, ask);
  return await forwarding.readPage(scope, topic, ask);
}

/** Reads a partition that this node leads. */
export async function readHere(
  { broker, tools }: RecordScope,
  topic: Topic,
  ask: ReadPage,
): Promise<Page> {
  const endMs = broker.clock.monotonicMs() + ask.waitMs;
  const log = findPartition(topic, ask.partition);
  await log.load("facts");
  const wished = await resolvePosition(log, ask.position);
  const wasReset = isOutside(log, wished);
  if (wished > log.end) checkLatest(log);
  if (wasReset && ask.reset === undefined) throw outOfRange(log, wished, log.lastStable);
  const offset = wasReset ? await resolvePosition(log, ask.reset ?? "earliest") : wished;
  const page = new PageReading({ broker, tools, topic, log, offset, endMs }, ask);
  return { ...(await page.read()), isLatestKnown: log.knowsLatest !== false, wasReset };
}

function isOutside(log: PartitionLog, offset: number): boolean {
  return offset < log.logStart || offset > log.end;
}

interface Reading {
  readonly broker: Broker;
  readonly tools: BatchTools;
  readonly topic: Topic;
  readonly log: PartitionLog;
  readonly offset: number;
  /** Monotonic: no waiting past it. */
  readonly endMs: number;
}

type Bounds = Pick<Page, "highWatermark" | "lastStable" | "logStart">;

/** Of one fetch. */
interface Planned {
  /** Else it waits, if it may. */
  readonly isThere: boolean;
  readonly maxBytes: number;
  readonly heldBytes: number;
}

class PageReading {
  readonly #reading: Reading;
  readonly #ask: ReadPage;
  readonly #fetched: FetchPartition;
  readonly #budget: ScanBudget;
  readonly #records: StoredRecord[] = [];
  #bytesLeft: number;
  /** Of records that do not count yet. */
  #gainedBytes = 0;
  #isFull = false;
  /** As the last fetch that did not fail found them. */
  #bounds: Bounds = { highWatermark: -1, lastStable: -1, logStart: -1 };

  constructor(reading: Reading, ask: ReadPage) {
    const { broker, topic, offset } = reading;
    this.#reading = reading;
    this.#ask = ask;
    this.#bytesLeft = ask.maxBytes;
    const scanBytesMax = broker.settings["http.filter.scan.max.bytes"];
    this.#budget = { bytesLeft: ask.filter === undefined ? Infinity : scanBytesMax };
    this.#fetched = new FetchPartition(topic, ask.partition, {
      fetchOffset: offset,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      sizeBytesMax: fetchSizeBytesMax,
    });
  }

  async read(): Promise<Omit<Page, "isLatestKnown" | "wasReset">> {
    let wasBrought: boolean;
    do {
      wasBrought = await this.#fetch();
    } while (!this.#isFull && (wasBrought || this.#shouldWait));
    const { fetchOffset: nextOffset } = this.#fetched;
    return { records: this.#records, nextOffset, ...this.#bounds };
  }

  get #waitMs(): number {
    const { broker, endMs } = this.#reading;
    return endMs - broker.clock.monotonicMs();
  }

  get #shouldWait(): boolean {
    const isAborted = this.#ask.signal?.aborted ?? false;
    return this.#records.length === 0 && this.#waitMs > 0 && !isAborted;
  }

  /** Whether anything was there. */
  async #fetch(): Promise<boolean> {
    const { broker } = this.#reading;
    const { room } = this.#ask;
    const planned = this.#plan();
    const maxWaitMs = this.#shouldWait ? this.#waitMs : 0;
    const limits = { maxWaitMs, minBytes: 1, maxBytes: planned.maxBytes, readCommitted: true };
    const fetched = this.#fetched;
    const waiting = maxWaitMs > 0 && !planned.isThere ? ReaderCount.of(broker) : undefined;
    waiting?.enter();
    try {
      await runFetch(new Fetch(broker, limits, [fetched]), this.#ask.signal);
    } finally {
      waiting?.leave();
      room?.giveBack(planned.heldBytes);
    }
    const wasBrought = fetched.sizeBytes > 0;
    this.#take();
    room?.take(this.#gainedBytes);
    this.#gainedBytes = 0;
    this.#isFull ||= this.#budget.bytesLeft <= 0;
    return wasBrought;
  }

  /** What was fetched, up to what can not be read. */
  #take(): void {
    const { broker, tools, offset } = this.#reading;
    const { filter } = this.#ask;
    const fetched = this.#fetched;
    try {
      if (fetched.error !== undefined) throw fetched.error;
      const { highWatermark, lastStable, logStart } = fetched;
      this.#bounds = { highWatermark, lastStable, logStart };
      const options = { filter, budget: this.#budget };
      for (const record of takeRecords({ broker, tools }, fetched, options)) {
        this.#add(record);
        if (this.#isFull) return;
      }
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      // The next page begins there, and has nothing to answer but that; who is led elsewhere by
      // now is read there instead.
      const hasPassed = fetched.fetchOffset > offset && !isMoved(error);
      if (this.#records.length === 0 && !hasPassed) throw error;
      this.#isFull = true;
    }
  }

  /** What the next fetch brings, but for a first batch that is larger; who waits holds nothing. */
  #plan(): Planned {
    const { filter, limit, room } = this.#ask;
    const guessBytes = (limit - this.#records.length) * recordSizeBytes;
    const wantedBytes = filter === undefined ? Math.min(guessBytes, this.#bytesLeft) : guessBytes;
    const maxBytes = Math.min(fetchSizeBytesMax, Math.max(fetchSizeBytesMin, wantedBytes));
    const { log, offset } = this.#reading;
    const isThere = Math.max(offset, this.#fetched.fetchOffset) < log.lastStable;
    if (room === undefined || !isThere) return { isThere, maxBytes, heldBytes: 0 };
    const heldBytes = room.takeUpTo(maxBytes, Math.min(maxBytes, fetchSizeBytesMin));
    return { isThere, maxBytes: heldBytes, heldBytes };
  }

  #add(record: StoredRecord): void {
    const sizeBytes = contentBytes(record);
    this.#bytesLeft -= sizeBytes;
    if (this.#bytesLeft < 0 && this.#records.length > 0) {
      this.#fetched.fetchOffset = record.offset;
      this.#isFull = true;
      return;
    }
    this.#records.push(record);
    this.#gainedBytes += sizeBytes + recordOverheadBytes;
    this.#isFull = this.#records.length >= this.#ask.limit || this.#bytesLeft <= 0;
  }
}
