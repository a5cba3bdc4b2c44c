import { assert } from "../../base/assert.ts";
import { joinBytes } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { RecordBytes } from "../../groups/record-bytes.ts";
import { buildBatch, type BatchTools } from "../../protocol/build-batch.ts";
import { recordBatches, type RecordBatch } from "../../protocol/record-batch.ts";
import { decodeRecords } from "../../protocol/record.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { offsetsTopic } from "../topics/internal-topics.ts";
import type { Topics } from "../topics/topics.ts";
import type { GroupLog } from "./group-log.ts";
import { OpenTransactions } from "./open-transactions.ts";

/** A batch's own header and each record's own fields, generously. */
const batchOverheadBytes = 128;
const recordOverheadBytes = 32;

/** Records of one partition that wait for their turn; past it, callers are refused. */
const recordsQueuedMax = 100_000;

export interface TopicGroupLogOptions {
  readonly topics: Topics;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly tools: BatchTools;
}

/** GroupLog over the real internal topic. */
export class TopicGroupLog implements GroupLog {
  readonly #options: TopicGroupLogOptions;
  readonly #queues = new Map<number, AppendQueue>();

  constructor(options: TopicGroupLogOptions) {
    this.#options = options;
  }

  get partitionCount(): number {
    return this.#options.topics.find(offsetsTopic)?.partitions.length ?? 0;
  }

  async create(): Promise<void> {
    await this.#options.topics.ensureInternal(offsetsTopic);
  }

  append(partition: number, records: readonly RecordBytes[]): Promise<void> {
    const largestBytes = records.reduce((most, one) => Math.max(most, recordBytes(one)), 0);
    if (largestBytes > this.#batchBytesMax()) {
      const text = `a group record of ${largestBytes} bytes is past max.message.bytes`;
      return Promise.reject(new XylemError("MESSAGE_TOO_LARGE", text));
    }
    let queue = this.#queues.get(partition);
    if (queue === undefined) {
      queue = new AppendQueue((some) => this.#write(partition, some));
      this.#queues.set(partition, queue);
    }
    return queue.add(records);
  }

  onMoved(listener: (partition: number) => void): () => void {
    const partitions = this.#options.topics.find(offsetsTopic)?.partitions ?? [];
    const leave = partitions.map((partition) => {
      let wasHere = partition.absence === undefined;
      return partition.onPlaced?.(() => {
        const isHere = partition.absence === undefined;
        if (isHere === wasHere) return;
        wasHere = isHere;
        listener(partition.index);
      });
    });
    return () => {
      for (const one of leave) one?.();
    };
  }

  isElsewhere(partition: number): boolean {
    const { partitions = [] } = this.#options.topics.find(offsetsTopic) ?? {};
    const log = partitions[partition];
    return log?.absence !== undefined || log?.isLeaving === true;
  }

  /** A new head would miss offsets that its predecessor has answered for. */
  async whenLatestKnown(partition: number): Promise<void> {
    const log = this.#find(partition);
    while (log.knowsLatest === false && log.absence === undefined) await nextAdvance(log);
    if (log.absence !== undefined) throw log.absence;
  }

  async replay(partition: number, visit: (record: RecordBytes) => void): Promise<void> {
    const log = this.#find(partition);
    await log.load();
    const transactions = new OpenTransactions(visit);
    const end = log.committed;
    let damagedCount = 0;
    for (let offset = log.logStart; offset < end;) {
      const batches = await this.#read(log, offset, end);
      if (batches === undefined) {
        damagedCount++;
        offset++;
        continue;
      }
      for (const batch of batches) {
        this.#visitBatch(batch, transactions);
        offset = Math.max(offset + 1, batch.nextOffset);
      }
    }
    if (damagedCount === 0) return;
    const where = { partition, offsets: damagedCount };
    this.#options.log.error("damaged group records were passed over", where);
  }

  #visitBatch(batch: RecordBatch, transactions: OpenTransactions): void {
    // Compacted batches may be far larger opened than any limit on what is produced.
    const options = {
      compression: this.#options.tools.compression,
      sizeBytesMax: this.#options.settings["offsets.load.buffer.size"] * 16,
    };
    for (const { key, value } of decodeRecords(batch, options)) {
      if (key !== null) transactions.take(batch, { key, value });
    }
  }

  /** Undefined: damaged there. */
  async #read(
    log: PartitionLog,
    offset: number,
    upTo: number,
  ): Promise<readonly RecordBatch[] | undefined> {
    const sizeBytesMax = this.#options.settings["offsets.load.buffer.size"];
    try {
      const { chunks } = await log.read(offset, { sizeBytesMax, wholeFirst: true, upTo });
      const batches = [...recordBatches(joinBytes(chunks))];
      return batches.length === 0 ? undefined : batches;
    } catch (error) {
      if (error instanceof XylemError && error.code === "CORRUPT_MESSAGE") return undefined;
      throw error;
    }
  }

  async #write(partition: number, records: readonly RecordBytes[]): Promise<void> {
    const log = this.#find(partition);
    await log.load();
    await log.writable();
    let last = -1;
    for (const some of this.#split(records)) {
      const timestampMs = this.#options.clock.nowMs();
      const inputs = some.map(({ key, value }) => ({ key, value, timestampMs }));
      const batch = buildBatch(inputs, {}, this.#options.tools);
      last = log.append(batch, { origin: "coordinator" }).lastOffset;
    }
    await committed(log, last + 1);
  }

  /** Runs of records that fit a batch of the topic. */
  *#split(records: readonly RecordBytes[]): Generator<readonly RecordBytes[]> {
    const sizeBytesMax = this.#batchBytesMax();
    let run: RecordBytes[] = [];
    let runBytes = 0;
    for (const record of records) {
      const bytes = recordBytes(record);
      if (run.length > 0 && runBytes + bytes > sizeBytesMax) {
        yield run;
        run = [];
        runBytes = 0;
      }
      run.push(record);
      runBytes += bytes;
    }
    if (run.length > 0) yield run;
  }

  #batchBytesMax(): number {
    const settings = this.#options.topics.find(offsetsTopic)?.settings;
    return (settings?.["max.message.bytes"] ?? Infinity) - batchOverheadBytes;
  }

  #find(index: number): PartitionLog {
    const partition = this.#options.topics.find(offsetsTopic)?.partitions[index];
    if (partition !== undefined) return partition;
    const name = `${offsetsTopic}-${index}`;
    throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `${name} is not there`);
  }
}

function recordBytes({ key, value }: RecordBytes): number {
  return key.length + (value?.length ?? 0) + recordOverheadBytes;
}

function nextAdvance(log: PartitionLog): Promise<void> {
  return new Promise((resolve) => {
    const leave = log.onAdvance(() => {
      leave();
      resolve();
    });
  });
}

function committed(log: PartitionLog, offset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    log.whenCommitted(offset, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

interface QueuedAppend {
  readonly records: readonly RecordBytes[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One write of a partition at a time; what comes meanwhile goes with the next. */
class AppendQueue {
  readonly #write: (records: readonly RecordBytes[]) => Promise<void>;
  #waiting: QueuedAppend[] = [];
  #waitingCount = 0;
  #isWriting = false;

  constructor(write: (records: readonly RecordBytes[]) => Promise<void>) {
    this.#write = write;
  }

  add(records: readonly RecordBytes[]): Promise<void> {
    assert(records.length > 0, "an append without records");
    const isFull = this.#waitingCount + records.length > recordsQueuedMax;
    // However much one caller adds, it may when nobody else waits.
    if (isFull && this.#waitingCount > 0) {
      const text = `${this.#waitingCount} group records wait to be written`;
      return Promise.reject(new XylemError("COORDINATOR_NOT_AVAILABLE", text));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, resolve, reject });
      this.#waitingCount += records.length;
      if (!this.#isWriting) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    // What other callers add in this very turn of the loop goes with the first write as well.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const appends = this.#waiting;
      this.#waiting = [];
      this.#waitingCount = 0;
      await this.#writeTogether(appends);
    }
    this.#isWriting = false;
  }

  async #writeTogether(appends: readonly QueuedAppend[]): Promise<void> {
    try {
      await this.#write(appends.flatMap(({ records }) => records));
      for (const { resolve } of appends) resolve();
    } catch (error) {
      for (const { reject } of appends) reject(error as Error);
    }
  }
}
