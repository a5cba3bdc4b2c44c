/**
 * CRC-32C (Castagnoli) of record batches and snapshots. `crc` continues an earlier sum.
 * The portable form lives here; node/ swaps in a native one where it loads.
 */
export type Crc32c = (bytes: Uint8Array, crc?: number) => number;

/** Reflected polynomials: Castagnoli (RFC 3720 §12.1) and IEEE 802.3. */
const castagnoli = 0x82f63b78;
const ieee = 0xedb88320;

/** Bytes a step; as many tables: the sum of a byte that 0, 1, … 15 more bytes follow. */
const sliceCount = 16;
const tableSize = 256;

/** The tables one after another. */
let castagnoliTables: Int32Array | undefined;
let ieeeTables: Int32Array | undefined;

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

function makeTables(polynomial: number): Int32Array {
  const tables = new Int32Array(sliceCount * tableSize);
  for (let byte = 0; byte < tableSize; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? polynomial ^ (value >>> 1) : value >>> 1;
    tables[byte] = value;
  }
  for (let at = tableSize; at < tables.length; at++) {
    const value = tables[at - tableSize] as number;
    tables[at] = (tables[value & 0xff] as number) ^ (value >>> 8);
  }
  return tables;
}

function sum(tables: Int32Array, bytes: Uint8Array, crc: number): number {
  let state = ~crc;
  let at = 0;
  for (; at + sliceCount <= bytes.length; at += sliceCount) state = step(tables, bytes, at, state);
  for (; at < bytes.length; at++) {
    state = look(tables, 0, (state ^ (bytes[at] as number)) & 0xff) ^ (state >>> 8);
  }
  return ~state >>> 0;
}

/** One step of the slicing-by-16 method: all table look-ups are independent of each other. */
function step(tables: Int32Array, bytes: Uint8Array, at: number, state: number): number {
  return (
    look(tables, 15, (bytes[at] as number) ^ (state & 0xff)) ^
    look(tables, 14, (bytes[at + 1] as number) ^ ((state >>> 8) & 0xff)) ^
    look(tables, 13, (bytes[at + 2] as number) ^ ((state >>> 16) & 0xff)) ^
    look(tables, 12, (bytes[at + 3] as number) ^ (state >>> 24)) ^
    look(tables, 11, bytes[at + 4] as number) ^
    look(tables, 10, bytes[at + 5] as number) ^
    look(tables, 9, bytes[at + 6] as number) ^
    look(tables, 8, bytes[at + 7] as number) ^
    look(tables, 7, bytes[at + 8] as number) ^
    look(tables, 6, bytes[at + 9] as number) ^
    look(tables, 5, bytes[at + 10] as number) ^
    look(tables, 4, bytes[at + 11] as number) ^
    look(tables, 3, bytes[at + 12] as number) ^
    look(tables, 2, bytes[at + 13] as number) ^
    look(tables, 1, bytes[at + 14] as number) ^
    look(tables, 0, bytes[at + 15] as number)
  );
}

function look(tables: Int32Array, slice: number, byte: number): number {
  return tables[slice * tableSize + byte] as number;
}
