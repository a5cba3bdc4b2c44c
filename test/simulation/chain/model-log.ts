import type { EpochEnd } from "../../../src/replication/epoch-table.ts";
import { ModelEpochs } from "./model-epochs.ts";

/** A record as it matters here: who wrote it, and in which epoch. */
export interface ModelRecord {
  readonly epoch: number;
  /** Unlike any other. */
  readonly id: number;
  /** 0: not of an idempotent producer. */
  readonly producer: number;
  readonly sequence: number;
}

/** Records on their way to another log. */
export interface Slice {
  readonly records: readonly (ModelRecord | undefined)[];
  /** Compaction has taken these: their offsets are all that the other log gets. */
  readonly gone: ReadonlySet<ModelRecord>;
}

/**
 * A log in three stages: in memory, in the page cache (below `written`), on the disk (`stable`).
 * Offsets below `start` are deleted; they may be holes. What compaction has taken is still among
 * the records, so that each log tells which record it means; it tells nothing of its epoch.
 */
export class ModelLog {
  records: (ModelRecord | undefined)[] = [];
  start = 0;
  written = 0;
  flushed = 0;
  readonly #gone = new Set<ModelRecord>();
  #epochs = new ModelEpochs();
  #stableEpochs = new ModelEpochs();
  /** What a crash of the machine leaves. */
  stable: (ModelRecord | undefined)[] = [];
  /** It was truncated, and that is not on the disk. */
  isShrunk = false;
  /** Of each producer, the offset of each sequence number. */
  producers = new Map<number, Map<number, number>>();

  get end(): number {
    return this.records.length;
  }

  get lastEpoch(): number {
    return this.records.at(-1)?.epoch ?? -1;
  }

  append(record: ModelRecord): void {
    this.#note(record, this.end);
    this.#epochs.note(record.epoch, this.end);
    this.records.push(record);
  }

  /** As another log has them. */
  appendAll({ records, gone }: Slice): void {
    for (const record of records as readonly ModelRecord[]) {
      if (!gone.has(record)) {
        this.#gone.delete(record);
        this.append(record);
        continue;
      }
      this.#gone.add(record);
      this.#note(record, this.end);
      this.records.push(record);
    }
  }

  slice(from: number, to: number): Slice {
    const records = this.records.slice(from, to);
    return {
      records,
      gone: new Set(records.filter((record) => this.#isGone(record))) as Set<ModelRecord>,
    };
  }

  /** Compaction takes the record away. */
  compact(offset: number): void {
    const record = this.records[offset];
    if (record !== undefined && offset >= this.start) this.#gone.add(record);
  }

  epochs(): EpochEnd[] {
    return this.#epochs.ends(this.start, this.end);
  }

  /** The file of epochs is lost: those count of which there still are records. */
  loseEpochs(): void {
    this.#become(this.records, new ModelEpochs());
  }

  write(offset: number): void {
    this.written = offset;
  }

  flush(): void {
    this.stable = this.records.slice(0, this.written);
    this.flushed = this.written;
    this.isShrunk = false;
    this.#stableEpochs = this.#epochs.copy();
  }

  /** As a crash may undo it as long as nothing is flushed. */
  truncate(offset: number): void {
    this.records.length = Math.min(this.end, offset);
    this.written = Math.min(this.written, offset);
    if (this.stable.length > offset) this.isShrunk = true;
    this.flushed = Math.min(this.flushed, offset);
    this.#epochs.cut(offset);
    this.producers = this.#producersOf();
  }

  /** Everything goes, at once and for good. */
  restart(offset: number): void {
    this.records = Array.from({ length: offset }, () => undefined);
    this.start = offset;
    this.written = offset;
    this.#epochs = new ModelEpochs();
    this.flush();
    this.producers = new Map();
  }

  moveStart(offset: number): void {
    this.start = Math.max(this.start, offset);
    this.#epochs.moveStart(this.start);
  }

  /** What the process had in memory is gone. */
  loseMemory(): void {
    this.#become(this.records.slice(0, this.written), this.#epochs);
  }

  /** What was not flushed is gone, but for what the page cache wrote by itself up to `end`. */
  losePageCache(end: number): void {
    this.#become(this.records.slice(0, end), this.#epochs);
    this.flush();
  }

  /** As of the last flush: a truncation since then has not happened. */
  comeBack(): void {
    this.#become(this.stable.slice(), this.#stableEpochs);
    this.flush();
  }

  loseDisk(): void {
    this.start = 0;
    this.#become([], new ModelEpochs());
    this.flush();
  }

  #isGone(record: ModelRecord | undefined): boolean {
    return record !== undefined && this.#gone.has(record);
  }

  #become(records: (ModelRecord | undefined)[], epochs: ModelEpochs): void {
    this.records = records;
    // What is deleted stays so, whatever became of the records.
    while (this.end < this.start) this.records.push(undefined);
    this.written = this.end;
    this.producers = this.#producersOf();
    this.#epochs = epochs.copy();
    this.#epochs.cut(this.end);
    for (let offset = this.start; offset < this.end; offset += 1) {
      const record = this.records[offset] as ModelRecord;
      if (!this.#gone.has(record)) this.#epochs.note(record.epoch, offset);
    }
  }

  #producersOf(): Map<number, Map<number, number>> {
    const before = this.producers;
    this.producers = new Map();
    for (let offset = this.start; offset < this.end; offset += 1) {
      this.#note(this.records[offset] as ModelRecord, offset);
    }
    const after = this.producers;
    this.producers = before;
    return after;
  }

  #note({ producer, sequence }: ModelRecord, offset: number): void {
    if (producer === 0) return;
    const known = this.producers.get(producer) ?? new Map<number, number>();
    this.producers.set(producer, known.set(sequence, offset));
  }
}
