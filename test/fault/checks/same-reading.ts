import type { StoredRecord } from "../../crash/ledger.ts";

/** A record as a reader saw it. */
export interface SeenRecord {
  readonly offset: number;
  readonly value: string;
}

const complaintsMax = 20;
const decoder = new TextDecoder();

/** Where what a reader saw, from the beginning on, is not what is stored in the end. */
export function findOtherReading(
  key: string,
  seen: readonly SeenRecord[],
  stored: readonly StoredRecord[],
): string[] {
  const complaints: string[] = [];
  for (const [index, { offset, value }] of seen.entries()) {
    const there = stored[index];
    if (offset !== index) complaints.push(`${key}: a reader was given ${offset} in place ${index}`);
    else if (there === undefined) complaints.push(`${key}: ${offset} was read and is not stored`);
    else if (decoder.decode(there.value ?? new Uint8Array()) !== value) {
      complaints.push(`${key}: ${offset} was read as something else`);
    }
  }
  return complaints.slice(0, complaintsMax);
}
