/** How far the clocks of a node and of the coordinator may run apart, as a share of the time. */
export const clockDriftMax = 0.1;

/**
 * Until when, by this node's monotonic clock, a lease surely holds: the coordinator counts it from
 * when it read the keep-alive, which was not before it was sent (cluster.md section 4, Lease).
 */
export function leaseHoldsUntil(sentMs: number, ttlMs: number): number {
  return sentMs + ttlMs * (1 - clockDriftMax);
}

/**
 * Whether this node may act on what it knows: its lease holds, and its image is not older than the
 * lease. One for all replicas of a node. Once it is lost and granted anew nothing is served until
 * the image has reached the revision of the grant: chains may have changed meanwhile.
 */
export class LeaseTerm {
  #holdsUntilMs = -Infinity;
  #neededRevision = Infinity;
  #imageRevision = -1;

  /** A lease, the first or after one was lost; `revision` is that of the node's key bound to it. */
  granted(holdsUntilMs: number, revision: number): void {
    this.#holdsUntilMs = holdsUntilMs;
    this.#neededRevision = revision;
  }

  /** A keep-alive of the same lease was answered. */
  renewed(holdsUntilMs: number): void {
    this.#holdsUntilMs = Math.max(this.#holdsUntilMs, holdsUntilMs);
  }

  lost(): void {
    this.#holdsUntilMs = -Infinity;
  }

  /** The image holds the coordinator's state as of this revision. */
  imageReached(revision: number): void {
    this.#imageRevision = Math.max(this.#imageRevision, revision);
  }

  /** `nowMs` is of the clock that `holdsUntilMs` was told in. */
  holds(nowMs: number): boolean {
    return nowMs < this.#holdsUntilMs && this.#imageRevision >= this.#neededRevision;
  }
}
