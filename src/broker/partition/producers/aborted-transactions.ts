import { ProducerStates } from "../../../log/producer-states.ts";
import { type AbortedTransaction, TransactionIndex } from "../../../log/transaction-index.ts";
import { acrossReplacement } from "../read/across-replacement.ts";
import { after } from "../after.ts";
import { readNewest, snapshotOffsets } from "./load-producers.ts";
import type { PartitionContext } from "../partition-context.ts";
import type { PartitionFolder } from "../partition-folder.ts";
import { areTransactionsTrue } from "./prove-transactions.ts";
import { replaySegment } from "../recovery/replay-segment.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";

const none: readonly AbortedTransaction[] = [];

/** The aborted transactions of a partition, as its segments' `.txnindex` files tell them. */
export class AbortedTransactions {
  readonly #segments: SegmentList;
  readonly #folder: PartitionFolder;
  readonly #context: PartitionContext;
  /** Indexes that are being proven or made anew: all who want one wait for the same. */
  readonly #underWay = new Map<Segment, Promise<TransactionIndex>>();
  readonly #proven = new WeakSet<TransactionIndex>();

  constructor(segments: SegmentList, folder: PartitionFolder, context: PartitionContext) {
    this.#segments = segments;
    this.#folder = folder;
    this.#context = context;
  }

  /** As PartitionLog.abortedTransactions. */
  find(
    from: number,
    to: number,
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[]> {
    return acrossReplacement(() => {
      const segments = this.#segments.all.slice(Math.max(0, this.#segments.findIndex(from)));
      return this.#collect(segments, 0, { from, to, found: [] });
    });
  }

  #collect(
    segments: readonly Segment[],
    first: number,
    wanted: { from: number; to: number; found: AbortedTransaction[] },
  ): readonly AbortedTransaction[] | Promise<readonly AbortedTransaction[]> {
    for (let at = first; at < segments.length; at += 1) {
      const index = this.#indexOf(segments[at] as Segment);
      if (index instanceof Promise) {
        return index.then((loaded) =>
          loaded.collect(wanted.from, wanted.to, wanted.found)
            ? wanted.found
            : this.#collect(segments, at + 1, wanted),
        );
      }
      if (index.collect(wanted.from, wanted.to, wanted.found)) break;
    }
    return wanted.found.length === 0 ? none : wanted.found;
  }

  #indexOf(segment: Segment): TransactionIndex | Promise<TransactionIndex> {
    return after(segment.transactions(), (index) => {
      if (index === undefined) return this.#once(segment, () => this.#rebuild(segment));
      if (index.count === 0 || this.#proven.has(index)) return index;
      return this.#once(segment, () => this.#prove(segment, index));
    });
  }

  /** What was read from a file is held against the log before it is used. */
  async #prove(segment: Segment, index: TransactionIndex): Promise<TransactionIndex> {
    if (!(await areTransactionsTrue(index, this.#segments))) return this.#rebuild(segment);
    this.#proven.add(index);
    return index;
  }

  #once(segment: Segment, find: () => Promise<TransactionIndex>): Promise<TransactionIndex> {
    let finding = this.#underWay.get(segment);
    if (finding === undefined) {
      finding = find().finally(() => this.#underWay.delete(segment));
      this.#underWay.set(segment, finding);
    }
    return finding;
  }

  /** Finds a closed segment's aborted transactions in the log and writes its file anew. */
  async #rebuild(segment: Segment): Promise<TransactionIndex> {
    const { log, clock, disk } = this.#context;
    log.warn("finding the aborted transactions of a segment again", { segment: segment.log.path });
    const names = (await disk.list(this.#folder.path)).map(({ name }) => name);
    const offsets = snapshotOffsets(names).filter((offset) => offset <= segment.baseOffset);
    const logStart = this.#segments.first?.baseOffset ?? 0;
    const sources = { folder: this.#folder, context: this.#context, bounds: { logStart } };
    const { from, producers } = await readNewest(offsets, sources);
    const states = new ProducerStates();
    for (const producer of producers) states.load(producer);
    const index = new TransactionIndex();
    for (const earlier of this.#segments.all) {
      if (earlier.endOffset <= from || earlier.baseOffset > segment.baseOffset) continue;
      const place = await earlier.findEntry(from);
      const how = { nowMs: clock.nowMs(), context: this.#context };
      const aborted = earlier === segment ? index : undefined;
      await replaySegment(states, earlier, { from, to: Infinity, ...place, ...how, aborted });
    }
    await segment.replaceTransactions(index);
    this.#proven.add(index);
    return index;
  }
}
