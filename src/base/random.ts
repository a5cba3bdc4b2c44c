/** Chance as the broker sees it. Tests inject a seeded one. */
export interface Random {
  /** Uniform in [0, 2^32). */
  nextUint32(): number;
  /** Fills and returns a new array. */
  bytes(count: number): Uint8Array;
}
