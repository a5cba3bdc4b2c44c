/**
 * A promise of the coordinator to keep what is bound to it for a while, renewed by its owner
 * (cluster.md, section 4, Lease). Kept alive from the moment it is granted until it is revoked,
 * lost, or its coordinator closed: not revoked, it then runs out by itself.
 */
export interface Lease {
  readonly id: string;
  /** As granted: no shorter than asked; a coordinator may know only long ones. */
  readonly ttlMs: number;
  /**
   * By the local monotonic clock it surely holds until then: the moment at which the last answered
   * keep-alive was sent, and the TTL less the drift that clocks are allowed. Minus infinity once it
   * is lost or revoked. Never later than the coordinator judges it.
   */
  readonly holdsUntilMs: number;
  /** Tells that `holdsUntilMs` moved. Returns a function that ends it, as `onLost` does. */
  onRenewed(listener: () => void): () => void;
  /**
   * Once: it ran out by the local clock, or the coordinator says that it is gone. Who asks after
   * that is told at once, in a turn of its own. A lease that its owner revoked is not lost.
   */
  onLost(listener: () => void): () => void;
  /**
   * Ends it, and what is bound to it vanishes. It holds no longer from the call on; rejects when
   * the coordinator was not reached, which then ends it after the TTL.
   */
  revoke(): Promise<void>;
}
