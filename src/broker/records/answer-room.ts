/** Memory for the records of an answer, asked for before they are read. */
export interface AnswerRoom {
  /**
   * Takes what there is of `bytes`, at least `bytesMin`, and answers how much. Throws, as its door
   * refuses, when there is not even that.
   */
  takeUpTo(bytes: number, bytesMin: number): number;
  /** Throws when they do not fit. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
}

/** Objects around a record's bytes. A guess. */
export const recordOverheadBytes = 200;
