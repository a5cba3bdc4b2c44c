import type { EpochEnd } from "../../../src/replication/epoch-table.ts";

/** A record as it matters here: who wrote it, and in which epoch. */
export interface ModelRecord {
  readonly epoch: number;
  /** Unlike any other. */
  readonly id: number;
  /** 0: not of an idempotent producer. */
  readonly producer: number;
  readonly sequence: number;
}

/**
 * A log in three stages: in memory, in the page cache (below `written`), on the disk (`stable`).
 * Offsets below `start` are deleted; they may be holes.
 */
export class ModelLog {
  records: (ModelRecord | undefined)[] = [];
  start = 0;
  written = 0;
  flushed = 0;
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
    this.records.push(record);
  }

  epochs(): EpochEnd[] {
    const ends: EpochEnd[] = [];
    for (let offset = this.start; offset < this.end; offset += 1) {
      const { epoch } = this.records[offset] as ModelRecord;
      if (ends.at(-1)?.epoch === epoch) ends.pop();
      ends.push({ epoch, endOffset: offset + 1 });
    }
    return ends;
  }

  write(offset: number): void {
    this.written = offset;
  }

  flush(): void {
    this.stable = this.records.slice(0, this.written);
    this.flushed = this.written;
    this.isShrunk = false;
  }

  /** As a crash may undo it as long as nothing is flushed. */
  truncate(offset: number): void {
    this.records.length = Math.min(this.end, offset);
    this.written = Math.min(this.written, offset);
    if (this.stable.length > offset) this.isShrunk = true;
    this.flushed = Math.min(this.flushed, offset);
    this.producers = this.#producersOf();
  }

  /** Everything goes, at once and for good. */
  restart(offset: number): void {
    this.records = Array.from({ length: offset }, () => undefined);
    this.start = offset;
    this.written = offset;
    this.flush();
    this.producers = new Map();
  }

  moveStart(offset: number): void {
    this.start = Math.max(this.start, offset);
  }

  /** What the process had in memory is gone. */
  loseMemory(): void {
    this.#become(this.records.slice(0, this.written));
  }

  /** What was not flushed is gone, but for what the page cache wrote by itself. */
  losePageCache(left: (ModelRecord | undefined)[]): void {
    this.#become(left);
    this.written = this.end;
    this.flush();
  }

  loseDisk(): void {
    this.start = 0;
    this.losePageCache([]);
  }

  #become(records: (ModelRecord | undefined)[]): void {
    this.records = records;
    // What is deleted stays so, whatever became of the records.
    while (this.end < this.start) this.records.push(undefined);
    this.written = this.end;
    this.producers = this.#producersOf();
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
