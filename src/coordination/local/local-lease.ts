import type { Lease } from "../../broker/ports/lease.ts";

/** It holds until it is revoked: nobody but this process could judge otherwise. */
export class LocalLease implements Lease {
  readonly id: string;
  readonly ttlMs: number;
  readonly #end: () => Promise<void>;
  #isOver = false;

  constructor(id: string, ttlMs: number, end: () => Promise<void>) {
    this.id = id;
    this.ttlMs = ttlMs;
    this.#end = end;
  }

  get holdsUntilMs(): number {
    return this.#isOver ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  onRenewed(): () => void {
    return () => {};
  }

  onLost(): () => void {
    return () => {};
  }

  async revoke(): Promise<void> {
    this.#isOver = true;
    await this.#end();
  }
}
