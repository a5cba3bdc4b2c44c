import { MalformedError } from "../base/errors.ts";
import { hasBlanksAtLineEnd, sumInBlanks } from "./sum-in-blanks.ts";
import { formatCheckpoint, parseCheckpoint } from "./text-checkpoint.ts";

export interface EpochStart {
  readonly epoch: number;
  readonly startOffset: number;
}

export interface EpochEnd {
  readonly leaderEpoch: number;
  readonly endOffset: number;
}

/** An epoch that has records in a log, and the offset after its last one. */
export interface EpochRange {
  readonly epoch: number;
  readonly endOffset: number;
}

/** Which leader epoch wrote which offsets (KIP-101). Epochs and start offsets ascend. */
export class LeaderEpochs {
  #entries: EpochStart[];

  constructor(entries: readonly EpochStart[] = []) {
    this.#entries = [...entries];
  }

  get entries(): readonly EpochStart[] {
    return this.#entries;
  }

  /** -1 when nothing was written yet. */
  get latest(): number {
    return this.#entries.at(-1)?.epoch ?? -1;
  }

  /** Notes that `epoch` wrote from `startOffset` on. Answers whether that was new. */
  assign(epoch: number, startOffset: number): boolean {
    if (epoch < 0 || epoch <= this.latest) return false;
    this.#entries = this.#entries.filter((entry) => entry.startOffset < startOffset);
    this.#entries.push({ epoch, startOffset });
    return true;
  }

  /** The epoch that wrote `offset`; -1 when unknown. */
  find(offset: number): number {
    const entry = this.#entries.findLast((candidate) => candidate.startOffset <= offset);
    return entry?.epoch ?? -1;
  }

  /** Whether a stored batch that ends with `offset` can be of this epoch; -1 says nothing. */
  canHave(epoch: number, offset: number): boolean {
    if (epoch === -1) return true;
    const last = this.#entries.at(-1);
    if (last === undefined) return true;
    const known = offset >= last.startOffset ? last.epoch : this.find(offset);
    return known === -1 || known === epoch;
  }

  /** OffsetForLeaderEpoch; -1, -1 when undefined. */
  endOf(epoch: number, logEnd: number): EpochEnd {
    if (epoch === -1 || epoch > this.latest) return { leaderEpoch: -1, endOffset: -1 };
    if (epoch === this.latest) return { leaderEpoch: epoch, endOffset: logEnd };
    const above = this.#entries.findIndex((entry) => entry.epoch > epoch);
    const known = this.#entries[above - 1]?.epoch ?? epoch;
    return { leaderEpoch: known, endOffset: this.#entries[above]?.startOffset ?? logEnd };
  }

  /** The epochs that have records in a log of these bounds, ascending, and where each ends. */
  ends({ logStart, end }: { readonly logStart: number; readonly end: number }): EpochRange[] {
    const ranges: EpochRange[] = [];
    for (const [at, { epoch, startOffset }] of this.#entries.entries()) {
      const endOffset = Math.min(end, this.#entries[at + 1]?.startOffset ?? end);
      if (endOffset > Math.max(startOffset, logStart)) ranges.push({ epoch, endOffset });
    }
    return ranges;
  }

  /**
   * The log now ends before `end`. Answers whether an entry went. The epoch that a log without
   * records starts with stays: what is appended next has no smaller one.
   */
  cutEnd({ logStart, end }: { readonly logStart: number; readonly end: number }): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter(
      ({ startOffset }) => startOffset < end || (startOffset === end && end === logStart),
    );
    return this.#entries.length < before;
  }

  /** As `cutEnd`, of a log whose chain says what comes next: what has no record goes. */
  truncate(end: number): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter(({ startOffset }) => startOffset < end);
    return this.#entries.length < before;
  }

  /** The log now starts at `start`. Answers whether an entry changed. */
  cutStart(start: number): boolean {
    const last = this.#entries.findLast((entry) => entry.startOffset <= start);
    if (last === undefined || (last === this.#entries[0] && last.startOffset === start))
      return false;
    const kept = this.#entries.filter((entry) => entry.startOffset > start);
    this.#entries = [{ epoch: last.epoch, startOffset: start }, ...kept];
    return true;
  }

  /** The text of `leader-epoch-checkpoint`: as Kafka's, with a sum that Kafka does not see. */
  format(): string {
    const text = this.#formatPlain();
    if (this.#entries.length === 0) return text;
    return `${text.slice(0, -1)}${sumInBlanks(text)}\n`;
  }

  /** Whether these entries are written so: by us, or by Kafka, which knows no sum. */
  isWrittenAs(text: string): boolean {
    return text === this.format() || text === this.#formatPlain();
  }

  /** Throws MalformedError; also when the entries are not those that the sum was made of. */
  static parse(text: string): LeaderEpochs {
    const entries = parseCheckpoint(text, 2).map(([epoch = "", startOffset]) => {
      if (!/^\d{1,10}$/.test(epoch)) throw new MalformedError(`leader epoch "${epoch}"`);
      return { epoch: Number(epoch), startOffset: Number(startOffset) };
    });
    checkAscent(entries);
    const epochs = new LeaderEpochs(entries);
    if (hasBlanksAtLineEnd(text) && !epochs.isWrittenAs(text)) {
      throw new MalformedError("the sum of the checkpoint is wrong");
    }
    return epochs;
  }

  #formatPlain(): string {
    return formatCheckpoint(this.#entries.map((entry) => [entry.epoch, entry.startOffset]));
  }
}

function checkAscent(entries: readonly EpochStart[]): void {
  let last: EpochStart = { epoch: -1, startOffset: -1 };
  for (const entry of entries) {
    if (entry.epoch <= last.epoch || entry.startOffset <= last.startOffset) {
      throw new MalformedError(`epoch ${entry.epoch} at ${entry.startOffset} does not ascend`);
    }
    last = entry;
  }
}
