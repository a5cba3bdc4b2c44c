/**
 * CRC-32C (Castagnoli) of record batches and snapshots. `crc` continues an earlier sum.
 * The portable form lives here; node/ swaps in a native one where it loads.
 */
export type Crc32c = (bytes: Uint8Array, crc?: number) => number;
