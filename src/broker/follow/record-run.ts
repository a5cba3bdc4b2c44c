import { contentBytes, type StoredRecord } from "../records/stored-record.ts";

/** How much of what is there a reader takes at once; the first record comes whole. */
export interface SliceLimits {
  readonly records: number;
  /** Of keys, values and headers. */
  readonly bytes: number;
}

/** Told how much larger something that is kept has become. */
export type Charge = (bytes: number) => void;

/** Forms of one slice that are kept: one for each door, few for readers of many partitions. */
const formsMax = 8;
/** Slices of one run that are kept; readers with limits of their own make others. */
const slicesMax = 64;

/** Records of a run side by side: the same object for every reader who takes the same ones. */
export class RecordSlice {
  readonly records: readonly StoredRecord[];
  /** Where the reader goes on. */
  readonly nextOffset: number;
  readonly #charge: Charge;
  readonly #forms = new Map<string, Uint8Array>();

  constructor(records: readonly StoredRecord[], nextOffset: number, charge: Charge) {
    this.records = records;
    this.nextOffset = nextOffset;
    this.#charge = charge;
  }

  /** The slice as a door sends it, made by the first reader who asks. Not to be changed. */
  form(name: string, make: () => Uint8Array): Uint8Array {
    const known = this.#forms.get(name);
    if (known !== undefined) return known;
    const made = make();
    if (this.#forms.size < formsMax) {
      this.#forms.set(name, made);
      this.#charge(made.length);
    }
    return made;
  }
}

/**
 * What lies in a partition from one offset up to another, of committed transactions only: read and
 * opened once for all who follow it.
 */
export class RecordRun {
  readonly from: number;
  /** Above all that was looked at, records or not. */
  readonly nextOffset: number;
  readonly records: readonly StoredRecord[];
  readonly sizeBytes: number;
  readonly #charge: Charge;
  readonly #slices = new Map<string, RecordSlice>();

  constructor(
    range: { readonly from: number; readonly nextOffset: number },
    records: readonly StoredRecord[],
    charge: Charge,
  ) {
    this.from = range.from;
    this.nextOffset = range.nextOffset;
    this.records = records;
    this.sizeBytes = records.reduce((total, record) => total + contentBytes(record), 0);
    this.#charge = charge;
  }

  /** Whether a reader at `offset` finds the next records here. */
  covers(offset: number): boolean {
    return offset >= this.from && offset < this.nextOffset;
  }

  /** What a reader at `offset`, which is covered, takes within his limits. */
  slice(offset: number, limits: SliceLimits): RecordSlice {
    const first = this.#indexOf(offset);
    const end = this.#endOf(first, limits);
    const name = `${first}-${end}`;
    const known = this.#slices.get(name);
    if (known !== undefined) return known;
    const records = this.records.slice(first, end);
    const next = this.records[end]?.offset ?? this.nextOffset;
    const made = new RecordSlice(records, next, this.#charge);
    if (this.#slices.size < slicesMax) this.#slices.set(name, made);
    return made;
  }

  /** The same of those that he wants: they are looked for up to the end of what lies here. */
  wanted(
    offset: number,
    limits: SliceLimits,
    isWanted: (record: StoredRecord) => boolean,
  ): RecordSlice {
    const first = this.#indexOf(offset);
    const wanted: StoredRecord[] = [];
    let sizeBytes = 0;
    let at = first;
    for (; at < this.records.length && wanted.length < Math.max(1, limits.records); at++) {
      const record = this.records[at] as StoredRecord;
      if (!isWanted(record)) continue;
      sizeBytes += contentBytes(record);
      if (sizeBytes > limits.bytes && wanted.length > 0) break;
      wanted.push(record);
    }
    if (wanted.length === at - first) return this.slice(offset, limits);
    const next = this.records[at]?.offset ?? this.nextOffset;
    return new RecordSlice(wanted, next, () => undefined);
  }

  /** Index of the first record at or above `offset`. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.records[middle] as StoredRecord).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #endOf(first: number, limits: SliceLimits): number {
    const most = Math.min(this.records.length, first + Math.max(1, limits.records));
    if (first === 0 && most === this.records.length && this.sizeBytes <= limits.bytes) return most;
    let sizeBytes = 0;
    for (let at = first; at < most; at++) {
      sizeBytes += contentBytes(this.records[at] as StoredRecord);
      if (sizeBytes > limits.bytes && at > first) return at;
    }
    return most;
  }
}
