import type { Clock } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import type { BatchWalk } from "../../../log/batch-walk.ts";
import {
  compactBatch,
  type CompactionState,
  type LastOfProducer,
  noteKeys,
} from "../../../log/compaction/compact-batch.ts";
import { compactMessageSet, noteMessageKeys } from "../../../log/compaction/compact-message-set.ts";
import { CompactedTransactions } from "../../../log/compaction/compacted-transactions.ts";
import { KeyOffsets } from "../../../log/compaction/key-offsets.ts";
import type { BatchTools } from "../../../protocol/build-batch.ts";
import { currentMagic, RecordBatch } from "../../../protocol/record-batch.ts";
import type {
  Cancellation,
  CompactionPass,
  CompactionTask,
  RewriteOrder,
  RewrittenSegment,
  SourceSegment,
} from "../../ports/compactor.ts";
import type { Disk } from "../../ports/disk.ts";
import { CleanedSegment } from "./cleaned-segment.ts";
import { Pacer } from "./pacer.ts";
import { type SourceReader, visitSource } from "./source-batches.ts";

export interface PassParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly tools: BatchTools;
}

/** One pass over the closed segments of a partition, in the thread that calls it. */
export class SegmentPass implements CompactionPass {
  readonly #task: CompactionTask;
  readonly #parts: PassParts;
  readonly #reader: SourceReader;
  readonly #pacer: Pacer;
  readonly #offsets: KeyOffsets;
  /** Of what is rewritten: one run over the log. */
  readonly #transactions: CompactedTransactions;
  #target: CleanedSegment | undefined;
  #bytesRead = 0;

  private constructor(task: CompactionTask, parts: PassParts, cancellation: Cancellation) {
    const { limits, folder } = task;
    this.#task = task;
    this.#parts = parts;
    const { crc32c } = parts.tools;
    this.#reader = { disk: parts.disk, folder, bufferBytes: limits.bufferBytes, crc32c };
    this.#pacer = new Pacer(parts.clock, limits.bytesPerSecond, cancellation);
    this.#offsets = new KeyOffsets({
      sizeBytesMax: limits.tableBytesMax,
      loadFactor: limits.tableLoadFactor,
      keyCountMax: task.upTo - task.dirtyFrom,
      seed: task.seed,
    });
    this.#transactions = new CompactedTransactions((kept) => this.#target?.addAborted(kept));
  }

  /** As Compactor.begin. */
  static async begin(
    task: CompactionTask,
    parts: PassParts,
    cancellation: Cancellation,
  ): Promise<SegmentPass> {
    const pass = new SegmentPass(task, parts, cancellation);
    await pass.#learnKeys();
    return pass;
  }

  get endOffset(): number {
    return this.#offsets.latestOffset + 1;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  async rewrite(order: RewriteOrder): Promise<RewrittenSegment> {
    const { folder, indexIntervalBytes } = this.#task;
    const { disk } = this.#parts;
    const { baseOffset } = order.sources[0] as SourceSegment;
    const target = await CleanedSegment.create({ disk, folder, baseOffset, indexIntervalBytes });
    this.#target = target;
    this.#bytesRead = 0;
    try {
      this.#transactions.expect(order.aborted);
      const state = this.#state(order.producers);
      for (const source of order.sources) await this.#rewriteSource(source, target, state);
      await target.finish();
    } finally {
      this.#target = undefined;
      await target.close();
    }
    const { sizeBytes, firstTimestampMs, largestTimestampMs, hasAborted } = target;
    const { bytesRead } = this;
    return { sizeBytes, bytesRead, firstTimestampMs, largestTimestampMs, hasAborted };
  }

  async end(): Promise<void> {}

  async #learnKeys(): Promise<void> {
    const { segments, dirtyFrom, aborted } = this.#task;
    const offsets = this.#offsets;
    const transactions = new CompactedTransactions();
    transactions.expect(aborted);
    const state = { offsets, transactions, tools: this.#parts.tools };
    for (const source of segments) {
      if (source.endOffset <= dirtyFrom) continue;
      let isFull = false;
      await visitSource(source, this.#reader, {
        onBatch: (walk) => {
          isFull = !learnBatch(walk, dirtyFrom, state);
          return !isFull;
        },
        onChunk: (bytes) => this.#pace(bytes, 0),
      });
      if (isFull) break;
      // Offsets that no batch holds any more are known as well.
      offsets.latestOffset = source.endOffset - 1;
    }
    if (this.endOffset > dirtyFrom) return;
    const { tableBytesMax } = this.#task.limits;
    const detail = `${tableBytesMax} bytes are too few for the keys of one batch at ${dirtyFrom}`;
    throw new XylemError("INVALID_CONFIG", detail);
  }

  async #rewriteSource(
    source: SourceSegment,
    target: CleanedSegment,
    state: CompactionState,
  ): Promise<void> {
    await visitSource(source, this.#reader, {
      onBatch: (walk) => {
        const isOld = walk.magic !== currentMagic;
        const kept = isOld ? compactMessageSet(walk, state) : compactBatch(walk.batch, state);
        if (kept !== undefined) target.add(new RecordBatch(kept));
        return true;
      },
      onChunk: async (bytes) => this.#pace(bytes, await target.write()),
    });
  }

  #state(producers: readonly LastOfProducer[]): CompactionState {
    const { upTo, nowMs, deleteRetentionMs } = this.#task;
    return {
      offsets: this.#offsets,
      transactions: this.#transactions,
      producers: new Map(producers.map((producer) => [producer.producerId, producer])),
      upTo,
      nowMs,
      deleteRetentionMs,
      tools: this.#parts.tools,
    };
  }

  #pace(bytesRead: number, bytesWritten: number): Promise<void> {
    this.#bytesRead += bytesRead;
    return this.#pacer.pass(bytesRead + bytesWritten);
  }
}

function learnBatch(
  walk: BatchWalk,
  dirtyFrom: number,
  state: Pick<CompactionState, "offsets" | "transactions" | "tools">,
): boolean {
  if (walk.magic === currentMagic) return noteKeys(walk.batch, dirtyFrom, state);
  return noteMessageKeys(walk, dirtyFrom, state);
}
