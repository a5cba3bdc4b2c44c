import type { LeaderEpochs } from "../../log/leader-epochs.ts";

/** The leader epochs of a log as its batches tell them, to be held against their checkpoint. */
export class EpochCheck {
  /** Of each epoch the first offset that was seen. */
  readonly #starts = new Map<number, number>();

  visit(epoch: number, baseOffset: number): void {
    if (!this.#starts.has(epoch)) this.#starts.set(epoch, baseOffset);
  }

  /**
   * What is wrong with the checkpoint of a log that was closed in order; undefined: nothing. Only
   * where each offset is in a batch do the starts agree to the last one.
   */
  finish(
    epochs: LeaderEpochs | undefined,
    { logStart, isDense }: { readonly logStart: number; readonly isDense: boolean },
  ): string | undefined {
    const last = [...this.#starts.keys()].at(-1);
    if (last === undefined) return undefined;
    if (epochs === undefined) return `it does not tell of epoch ${last}`;
    if (!isDense) return undefined;
    if (epochs.latest !== last) return `it ends with epoch ${epochs.latest}, the log with ${last}`;
    for (const { epoch, startOffset } of epochs.entries) {
      const seen = this.#starts.get(epoch);
      // Below the log start neither counts: a crash may have lost the news that it rose.
      if (seen === undefined || Math.max(startOffset, logStart) === Math.max(seen, logStart)) {
        continue;
      }
      return `it has epoch ${epoch} begin at ${startOffset}, the log at ${seen}`;
    }
    return undefined;
  }
}
