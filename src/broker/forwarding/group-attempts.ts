import { type ErrorCode, XylemError } from "../../base/errors.ts";
import { isLost, isUnready } from "./moved.ts";

/**
 * The attempts of one request of a group. One that was lost, or that a head could not commit, may
 * have been done all the same: what says so to a later one is then no failure.
 */
export class GroupAttempts {
  readonly #repeated: ErrorCode | undefined;
  #mayBeDone = false;

  constructor(repeated: ErrorCode | undefined) {
    this.#repeated = repeated;
  }

  /** One of them. Work that may be done already has no answer but that it is. */
  async attempt<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const isRepeat = this.#mayBeDone && error instanceof XylemError;
      if (isRepeat && error.code === this.#repeated) return undefined as T;
      this.#mayBeDone ||= isLost(error) || isUnready(error);
      throw error;
    }
  }
}
