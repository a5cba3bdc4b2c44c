/** Codecs by the number that the low three attribute bits of a batch hold (records.md). */
export const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

export type Codec = (typeof codecs)[number];

/**
 * Compresses and decompresses the records of a batch; codecs/ implements it. Synchronous: callers
 * bound what they pass, or call it on a worker.
 */
export interface Compression {
  /** `level` as Kafka's `compression.<codec>.level`; snappy has none. */
  compress(codec: Codec, bytes: Uint8Array, level?: number): Uint8Array;
  /**
   * Throws MalformedError when `bytes` are not of the codec, and MESSAGE_TOO_LARGE before more than
   * `sizeBytesMax` are allocated for. Codec "none" answers `bytes` itself.
   */
  decompress(codec: Codec, bytes: Uint8Array, sizeBytesMax: number): Uint8Array;
}
