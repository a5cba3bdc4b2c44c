import { DamageError, type XylemError } from "../../../base/errors.ts";

/** Between two tries to hold a replica that can not be used. */
const pauseMs = { first: 10_000, longest: 60_000 };
/** After as many that found its files unreadable a replica that others hold is begun anew. */
const damagedMax = 3;

/** The tries to hold one replica, one time after the other. */
export class ReplicaTries {
  #failures = 0;
  #damaged = 0;

  /** What failed again and again were its files: not room, not rights, not the system. */
  get areFilesUnusable(): boolean {
    return this.#damaged >= damagedMax;
  }

  /** Answers how long to wait for the next one. */
  failed(error: XylemError): number {
    if (error instanceof DamageError) {
      this.#damaged += 1;
      return pauseMs.first;
    }
    this.#failures += 1;
    return Math.min(pauseMs.first * 2 ** (this.#failures - 1), pauseMs.longest);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#damaged = 0;
  }
}
