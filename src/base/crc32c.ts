/**
 * CRC-32C (Castagnoli) of record batches and snapshots. `crc` continues an earlier sum.
 * The portable form lives here; node/ swaps in a native one where it loads.
 */
export type Crc32c = (bytes: Uint8Array, crc?: number) => number;

/** Reflected polynomials: Castagnoli (RFC 3720 §12.1) and IEEE 802.3. */
const castagnoli = 0x82f63b78;
const ieee = 0xedb88320;

/** Sixteen tables of 256: the sum of a byte that `table` more bytes follow. */
const sliceCount = 16;

type Tables = readonly Int32Array[];

let castagnoliTables: Tables | undefined;
let ieeeTables: Tables | undefined;

/** CRC-32C without native code, sixteen bytes a step. */
export const portableCrc32c: Crc32c = (bytes, crc = 0) => {
  castagnoliTables ??= makeTables(castagnoli);
  return sum(castagnoliTables, bytes, crc);
};

/** CRC-32 (IEEE) of message sets before magic 2; nothing that is written today has it. */
export function portableCrc32(bytes: Uint8Array, crc = 0): number {
  ieeeTables ??= makeTables(ieee);
  return sum(ieeeTables, bytes, crc);
}

function makeTables(polynomial: number): Tables {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? polynomial ^ (value >>> 1) : value >>> 1;
    first[byte] = value;
  }
  const tables = [first];
  for (let slice = 1; slice < sliceCount; slice++) {
    const previous = tables[slice - 1] as Int32Array;
    tables.push(
      Int32Array.from(previous, (value) => (first[value & 0xff] as number) ^ (value >>> 8)),
    );
  }
  return tables;
}

function sum(tables: Tables, bytes: Uint8Array, crc: number): number {
  let state = ~crc;
  let at = 0;
  for (; at + sliceCount <= bytes.length; at += sliceCount) state = step(tables, bytes, at, state);
  const first = tables[0] as Int32Array;
  for (; at < bytes.length; at++) {
    state = (first[(state ^ (bytes[at] as number)) & 0xff] as number) ^ (state >>> 8);
  }
  return ~state >>> 0;
}

/** One step of the slicing-by-16 method: all table look-ups are independent of each other. */
function step(tables: Tables, bytes: Uint8Array, at: number, state: number): number {
  let next = look(tables, 15, (bytes[at] as number) ^ (state & 0xff));
  next ^= look(tables, 14, (bytes[at + 1] as number) ^ ((state >>> 8) & 0xff));
  next ^= look(tables, 13, (bytes[at + 2] as number) ^ ((state >>> 16) & 0xff));
  next ^= look(tables, 12, (bytes[at + 3] as number) ^ (state >>> 24));
  next ^= look(tables, 11, bytes[at + 4] as number);
  next ^= look(tables, 10, bytes[at + 5] as number);
  next ^= look(tables, 9, bytes[at + 6] as number);
  next ^= look(tables, 8, bytes[at + 7] as number);
  next ^= look(tables, 7, bytes[at + 8] as number);
  next ^= look(tables, 6, bytes[at + 9] as number);
  next ^= look(tables, 5, bytes[at + 10] as number);
  next ^= look(tables, 4, bytes[at + 11] as number);
  next ^= look(tables, 3, bytes[at + 12] as number);
  next ^= look(tables, 2, bytes[at + 13] as number);
  next ^= look(tables, 1, bytes[at + 14] as number);
  return next ^ look(tables, 0, bytes[at + 15] as number);
}

function look(tables: Tables, slice: number, byte: number): number {
  return (tables[slice] as Int32Array)[byte] as number;
}
