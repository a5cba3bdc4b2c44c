import { parseStamp } from "./record-stamp.ts";

/** A record as it was read back. */
export interface FoundRecord {
  readonly offset: number;
  readonly value: Uint8Array | null;
}

/** So many complaints are made; a broken log has thousands. */
const violationsMax = 20;

/** Where a load takes its sequences from and leaves what was acknowledged. */
export interface Notes {
  /** The sequence of the partition's next record. */
  next(partition: number): number;
  note(partition: number, sequence: number, offset: number): Promise<void> | void;
}

/** Counts the records of each partition from 0. */
export class Sequences {
  readonly #next = new Map<number, number>();

  next(partition: number): number {
    const sequence = this.#next.get(partition) ?? 0;
    this.#next.set(partition, sequence + 1);
    return sequence;
  }

  atLeast(partition: number, sequence: number): void {
    this.#next.set(partition, Math.max(sequence, this.#next.get(partition) ?? 0));
  }
}

/**
 * What producers that send nothing twice were told, one a partition, and whether the log kept it:
 * each acknowledged record once, whole, at its offset; others may be there or not, in order.
 */
export class ToldRecords implements Notes {
  readonly #offsets = new Map<number, Map<number, number>>();
  readonly #sequences = new Sequences();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  next(partition: number): number {
    return this.#sequences.next(partition);
  }

  note(partition: number, sequence: number, offset: number): void {
    const told = this.#offsets.get(partition) ?? new Map<number, number>();
    this.#offsets.set(partition, told.set(sequence, offset));
    this.#sequences.atLeast(partition, sequence + 1);
    this.#count += 1;
  }

  /** Partitions with acknowledged records. */
  get partitions(): readonly number[] {
    return [...this.#offsets.keys()];
  }

  findViolations(partition: number, records: readonly FoundRecord[]): string[] {
    const violations: string[] = [];
    const found = new Map<number, number>();
    let last = -1;
    for (const { offset, value } of records) {
      const stamp = parseStamp(value);
      if (stamp === undefined) violations.push(`${partition}: the record at ${offset} is torn`);
      else if (stamp.sequence <= last || stamp.producer !== partition) {
        violations.push(`${partition}: the record at ${offset} is doubled or out of order`);
      } else {
        last = stamp.sequence;
        found.set(stamp.sequence, offset);
      }
    }
    for (const [sequence, offset] of this.#offsets.get(partition) ?? []) {
      const at = found.get(sequence);
      if (at === offset) continue;
      const place = at === undefined ? "is missing" : `lies at ${at}`;
      violations.push(`${partition}: record ${sequence}, acknowledged at ${offset}, ${place}`);
    }
    return violations.slice(0, violationsMax);
  }
}
