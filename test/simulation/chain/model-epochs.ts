import type { EpochEnd } from "../../../src/replication/epoch-table.ts";

interface EpochStart {
  readonly epoch: number;
  readonly offset: number;
}

/** The table of a log's epochs: each begins with its first record, which compaction may take. */
export class ModelEpochs {
  #starts: readonly EpochStart[];

  constructor(starts: readonly EpochStart[] = []) {
    this.#starts = starts;
  }

  copy(): ModelEpochs {
    return new ModelEpochs(this.#starts);
  }

  /** There is a record of the epoch at the offset. */
  note(epoch: number, offset: number): void {
    if (epoch <= (this.#starts.at(-1)?.epoch ?? -1)) return;
    this.#starts = [...this.#starts, { epoch, offset }];
  }

  cut(end: number): void {
    this.#starts = this.#starts.filter(({ offset }) => offset < end);
  }

  moveStart(logStart: number): void {
    const first = this.#starts.findLast(({ offset }) => offset <= logStart);
    if (first === undefined) return;
    const later = this.#starts.filter(({ offset }) => offset > logStart);
    this.#starts = [{ epoch: first.epoch, offset: logStart }, ...later];
  }

  /** Of the epochs that the log has offsets of. */
  ends(logStart: number, logEnd: number): EpochEnd[] {
    return this.#starts.flatMap(({ epoch, offset }, at) => {
      const endOffset = Math.min(logEnd, this.#starts[at + 1]?.offset ?? logEnd);
      return endOffset > Math.max(offset, logStart) ? [{ epoch, endOffset }] : [];
    });
  }
}
