import { parseStamp } from "../../src/cli/torture/record-stamp.ts";

/** A record as it was read back. */
export interface StoredRecord {
  readonly offset: number;
  readonly value: Uint8Array | null;
}

/** What producers were told, and what lies in the log afterwards. */
export interface LedgerHistory {
  /** By `ledgerKey`: the offset acknowledged for each sequence; undefined: not acknowledged. */
  readonly acknowledged: ReadonlyMap<string, readonly (number | undefined)[]>;
  /** By partition: its records in the order in which they were read. */
  readonly stored: ReadonlyMap<number, readonly StoredRecord[]>;
}

/** So many complaints are made; a broken log has thousands. */
const violationsMax = 20;

/** Each producer counts the records of each partition from 0. */
export function ledgerKey(producer: number, partition: number): string {
  return `${producer}/${partition}`;
}

/**
 * What a history shows of lost, doubled, torn, misplaced or disordered records; empty when
 * acknowledged means stored once, whole, in order, at the offset that was told. Records without
 * acknowledgement may be there or not, but never in front of their predecessors.
 */
export function findViolations({ acknowledged, stored }: LedgerHistory): string[] {
  const violations: string[] = [];
  for (const [partition, records] of stored) {
    const offsets = new Map<string, number[]>();
    violations.push(...checkPartition(partition, records, offsets));
    for (const [key, told] of acknowledged) {
      if (!key.endsWith(`/${partition}`)) continue;
      violations.push(...checkAcknowledged(key, told, offsets.get(key) ?? []));
    }
  }
  for (const [key, told] of acknowledged) {
    const partition = Number(key.split("/")[1]);
    if (told.length > 0 && !stored.has(partition)) violations.push(`${key}: partition not read`);
  }
  return violations.slice(0, violationsMax);
}

/** Continuity, tearing, doubling and order; fills `offsets` with the offset of each sequence. */
function checkPartition(
  partition: number,
  records: readonly StoredRecord[],
  offsets: Map<string, number[]>,
): string[] {
  const violations: string[] = [];
  for (const [index, { offset, value }] of records.entries()) {
    if (offset !== index) violations.push(`partition ${partition}: ${offset} follows ${index - 1}`);
    const stamp = parseStamp(value);
    if (stamp === undefined) {
      violations.push(`partition ${partition}: record ${offset} is torn`);
      continue;
    }
    const key = ledgerKey(stamp.producer, partition);
    const seen = offsets.get(key) ?? [];
    offsets.set(key, seen);
    const wrong = describeSequence(stamp.sequence, seen.length);
    if (wrong !== undefined) violations.push(`${key}: record ${offset} ${wrong}`);
    seen[stamp.sequence] ??= offset;
  }
  return violations;
}

function describeSequence(sequence: number, expected: number): string | undefined {
  if (sequence === expected) return undefined;
  if (sequence < expected) return `doubles or disorders sequence ${sequence}`;
  return `comes before sequence ${expected}`;
}

function checkAcknowledged(
  key: string,
  told: readonly (number | undefined)[],
  offsets: readonly (number | undefined)[],
): string[] {
  const violations: string[] = [];
  for (const [sequence, offset] of told.entries()) {
    const found = offsets[sequence];
    if (offset === undefined || offset === found) continue;
    const place = found === undefined ? "is missing" : `lies at ${found}`;
    violations.push(`${key}: sequence ${sequence}, acknowledged at ${offset}, ${place}`);
  }
  return violations;
}
