import { DamageError, type XylemError } from "../../../base/errors.ts";

/** Between two tries to hold a replica that can not be used. */
const pauseMs = { first: 10_000, longest: 60_000 };
/** After as many that found its files unreadable a replica that others hold is begun anew. */
const damagedMax = 3;

/** The tries to hold one replica, one time after the other. */
export class ReplicaTries {
  #pauseMs = pauseMs.first;
  #damaged = 0;

  /** What failed again and again were its files: not room, not rights, not the system. */
  get areFilesUnusable(): boolean {
    return this.#damaged >= damagedMax;
  }

  /** Answers how long to wait for the next one, unless its chain changes before. */
  failed(error: XylemError): number {
    if (!(error instanceof DamageError)) return this.#pauseMs;
    this.#damaged += 1;
    return pauseMs.first;
  }

  /** All of that time is over: in vain, if it fails again. */
  waited(): void {
    this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMs.longest);
  }

  succeeded(): void {
    this.#pauseMs = pauseMs.first;
    this.#damaged = 0;
  }
}
