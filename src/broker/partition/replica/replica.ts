import { assert } from "../../../base/assert.ts";
import { XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { EpochRange } from "../../../log/leader-epochs.ts";
import type { TruncationNote } from "../../../log/truncation-note.ts";
import type { AppendParts, PartitionAppends } from "../append/partition-appends.ts";
import type { LogStart } from "../log-start.ts";
import type { ReadOptions, ReadResult } from "../partition-log.ts";
import type { PartitionProgress } from "../partition-progress.ts";
import { nothingRead } from "../read/partition-reader.ts";
import { outOfRange } from "../refusals.ts";
import type { Partition } from "../partition.ts";
import { findAssigned } from "./find-assigned.ts";
import { FirstBatch } from "./first-batch.ts";
import { removeAside, setAside } from "./set-aside.ts";
import type { ReplicaGovernor, ReplicaLog, ReplicaUse } from "./replica-log.ts";
import {
  applyTruncation,
  planRestart,
  planTruncation,
  removeNote,
  type TruncationPlan,
} from "./truncation.ts";

/** What a former life left of a replica. */
export interface ReplicaMemory {
  readonly committed: number;
  readonly lostUpTo: number;
  readonly hasLostPages: boolean;
}

export interface ReplicaParts extends AppendParts {
  readonly appends: PartitionAppends;
  readonly progress: PartitionProgress;
  readonly start: LogStart;
  readonly memory: ReplicaMemory;
  /** Reads what is written. */
  readonly read: (offset: number, options: ReadOptions) => ReadResult | Promise<ReadResult>;
  /** What is in memory of the log's end goes. */
  readonly onCut: () => void;
  readonly onStopped: (error: XylemError) => void;
}

/** The chain's side of a partition. */
export class Replica implements ReplicaLog {
  readonly #partition: Partition;
  readonly #parts: ReplicaParts;
  #governor: ReplicaGovernor | undefined;
  #told: { readonly written: number; readonly flushed: number };
  /** The log start was about to move when the last cut began. */
  #wasMoving = false;
  /** While it is cut: nothing from here on is to be counted on. */
  #cutFrom: number | undefined;
  #isHalted = false;
  #fullInEpoch: number | undefined;
  #cutting: Promise<void> = Promise.resolve();
  readonly #firstBatch: FirstBatch;

  constructor(partition: Partition, parts: ReplicaParts) {
    this.#partition = partition;
    this.#parts = parts;
    this.#firstBatch = new FirstBatch(parts.segments, parts.context);
    const { written, flushed } = parts.writer;
    this.#told = { written, flushed };
    parts.appends.onAppended = (base, end) => this.#noteAppended(base, end);
  }

  get log(): Partition {
    return this.#partition;
  }

  get settings(): TopicSettings {
    return this.#partition.settings;
  }

  get end(): number {
    return this.#parts.appends.end;
  }

  get logStart(): number {
    return this.#partition.logStart;
  }

  get begin(): number | undefined {
    return this.#firstBatch.find(this.logStart);
  }

  get committed(): number {
    return this.#parts.progress.committed;
  }

  get held(): number {
    return this.#parts.progress.held;
  }

  get written(): number {
    return this.#parts.writer.written;
  }

  get flushed(): number {
    return this.#parts.writer.flushed;
  }

  get rememberedCommitted(): number {
    return this.#parts.memory.committed;
  }

  get lostUpTo(): number {
    return this.#parts.memory.lostUpTo;
  }

  get hasLostPages(): boolean {
    return this.#parts.memory.hasLostPages;
  }

  get unsoundFrom(): number | undefined {
    const { logStart } = this;
    const { segments, writer } = this.#parts;
    const damages = segments.all.flatMap((segment) => segment.damages);
    const from = damages
      .filter(({ firstOffset, endOffset }) => Math.max(firstOffset, endOffset - 1) >= logStart)
      .map(({ firstOffset }) => Math.max(firstOffset, logStart));
    if (this.#partition.stopped !== undefined) from.push(writer.flushed);
    return from.length === 0 ? undefined : Math.min(...from);
  }

  get isHalted(): boolean {
    return this.#isHalted;
  }

  /** It runs retention. */
  get isHead(): boolean {
    return this.#governor?.isHead() === true;
  }

  /** What is appended here is nowhere else. */
  get isAlone(): boolean {
    return this.#governor?.isAlone() === true;
  }

  /** No checkpoint may vouch for more; Infinity unless the log is being cut. */
  get countedUpTo(): number {
    return this.#cutFrom ?? Infinity;
  }

  govern(governor: ReplicaGovernor): void {
    this.#governor = governor;
    const { stopped } = this.#partition;
    if (stopped !== undefined) governor.onStopped(stopped);
    else if (this.unsoundFrom !== undefined) governor.onDamaged();
  }

  noteDamaged(): void {
    const isUnsound = this.unsoundFrom !== undefined;
    if (isUnsound && this.#partition.stopped === undefined) this.#governor?.onDamaged();
  }

  beginEpoch(epoch: number): void {
    const { latest } = this.#parts.epochs;
    if (epoch < latest) {
      const detail = `${this.#name} holds records of epoch ${latest}, the chain is at ${epoch}`;
      throw new XylemError("FENCED_LEADER_EPOCH", detail);
    }
    this.#parts.appends.leaderEpoch = epoch;
  }

  commit(offset: number): void {
    const { progress, producers, writer } = this.#parts;
    const committed = Math.min(offset, progress.held);
    if (committed <= progress.committed) return;
    producers.settle(writer.written, committed);
    progress.commit(committed);
  }

  refuseCommits(error: XylemError): void {
    this.#parts.progress.refuseCommits(error);
  }

  failWaiters(error: XylemError): void {
    this.#parts.progress.failWaiters(error);
  }

  get fullInEpoch(): number | undefined {
    return this.#fullInEpoch;
  }

  /** What a successor may have is not taken back. */
  stopFull(cause: XylemError): void {
    this.#fullInEpoch = this.#parts.appends.leaderEpoch;
    this.#parts.onStopped(replicaFull(cause));
  }

  get mayHaveGaps(): boolean {
    return !this.#parts.segments.isDense;
  }

  halt(error: XylemError): void {
    this.#isHalted = true;
    this.#parts.onStopped(error);
  }

  appendReplicated(batches: Uint8Array, next: number): void {
    this.#partition.checkOpen();
    this.#checkWhole();
    const { appends, context, epochs } = this.#parts;
    const { end: from, leaderEpoch: epochMax } = appends;
    const bounds = { from, to: next, hasGaps: this.mayHaveGaps, epochMin: epochs.latest, epochMax };
    const found = findAssigned(batches, { ...bounds, crc32c: context.crc32c });
    // Some of the reserve is for what was accepted elsewhere: a chain is as long as its room.
    context.room.take(batches.length, "coordinator");
    appends.takeAll(found, { next, nowMs: context.clock.nowMs() });
    if (next > from) this.#noteAppended(from, next);
  }

  readForSuccessor(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    this.#partition.checkOpen();
    const { writer, read } = this.#parts;
    if (offset < (this.begin ?? this.logStart) || offset > this.end)
      throw outOfRange(this.#partition, offset);
    if (offset >= Math.min(options.upTo, this.end)) return nothingRead;
    if (offset >= writer.written) return writer.readQueued(offset, options);
    return read(offset, { ...options, upTo: Math.min(options.upTo, writer.written) });
  }

  epochEnds(): readonly EpochRange[] {
    return this.#parts.epochs.ends(this);
  }

  async truncate(offset: number): Promise<void> {
    this.#partition.checkOpen();
    if (offset < this.logStart) throw outOfRange(this.#partition, offset);
    if (offset >= this.end) return;
    await this.#cut(offset, async (parts) => planTruncation(parts, offset));
  }

  async truncateUnsound(offset: number): Promise<void> {
    this.#partition.checkOpen();
    const from = Math.max(offset, this.logStart);
    if (from >= this.end) return;
    await this.#cut(from, async (parts) => {
      const { context, folder, segments } = parts;
      await setAside({ disk: context.disk, folder: folder.path }, segments, from);
      const { note, first } = await planTruncation(parts, from);
      return { note: { ...note, isShared: true }, first };
    });
  }

  async forgetSetAside(): Promise<void> {
    const { context, folder } = this.#parts;
    await removeAside(context.disk, folder.path);
  }

  async restartAt(offset: number): Promise<void> {
    this.#partition.checkOpen();
    if (offset === this.logStart && offset === this.end) return;
    await this.#cut(Math.min(offset, this.logStart), async () => planRestart(offset));
  }

  async moveLogStart(offset: number): Promise<void> {
    this.#partition.checkOpen();
    const { start } = this.#parts;
    const target = Math.min(offset, this.committed);
    if (target <= start.offset) return;
    await start.delete(target, this.committed, this.#partition.settings);
  }

  /** Throws why it may not be used so at this moment. */
  check(use: ReplicaUse): void {
    if (use === "append") this.#checkWhole();
    if (this.#governor === undefined) throw notHere(`no chain governs ${this.#name} yet`);
    const refusal = this.#governor.refusal(use);
    if (refusal !== undefined) throw refusal;
  }

  /** Resolves when the log is not being cut, and may be written to. */
  async whenWhole(): Promise<void> {
    await this.settled();
    this.#checkWhole();
  }

  /** Throws while the log is being cut. */
  #checkWhole(): void {
    if (this.#cutFrom !== undefined) throw notHere(`${this.#name} is being truncated`);
  }

  #noteAppended(base: number, end: number): void {
    this.#governor?.onAppended(base, end);
  }

  noteTakenBack(): void {
    this.#governor?.onTakenBack(this.end);
  }

  noteStored(): void {
    const { written, flushed } = this.#parts.writer;
    if (written === this.#told.written && flushed === this.#told.flushed) return;
    this.#told = { written, flushed };
    if (this.#partition.stopped === undefined) this.#governor?.onStored(written, flushed);
  }

  noteStopped(error: XylemError): void {
    this.#governor?.onStopped(error);
  }

  /** Resolves when the log is not being cut. */
  async settled(): Promise<void> {
    while (this.#cutFrom !== undefined) await this.#cutting.catch(() => undefined);
  }

  async #cut(from: number, plan: (parts: CutParts) => Promise<TruncationPlan>): Promise<void> {
    assert(this.#cutFrom === undefined, "one truncation at a time");
    this.#cutFrom = from;
    const { start } = this.#parts;
    this.#wasMoving = start.hold();
    const { compaction } = this.#partition;
    this.#cutting = compaction
      .holdDuring(() => this.#cutHeld(plan))
      .finally(() => {
        this.#cutFrom = undefined;
        start.letGo();
      });
    await this.#cutting;
    // What was found in a segment that was opened anew was not of the log yet.
    this.noteDamaged();
  }

  async #cutHeld(plan: (parts: CutParts) => Promise<TruncationPlan>): Promise<void> {
    const { writer, segments, context, folder } = this.#parts;
    await writer.flushAll();
    this.#partition.checkOpen();
    await context.storeOffsets(folder.path);
    const { turns } = segments;
    await turns.take("swap", () =>
      turns.take("change", () => turns.take("checkpoint", () => this.#cutNow(plan))),
    );
  }

  async #cutNow(plan: (parts: CutParts) => Promise<TruncationPlan>): Promise<void> {
    const progress = { hasBegun: false };
    const { committed, logStart } = this;
    const intervalBytes = this.#partition.settings["index.interval.bytes"];
    const onCut = (note: TruncationNote): void => this.#noteCut(note);
    const parts = { ...this.#parts, committed, logStart, intervalBytes, onCut };
    try {
      const planned = await plan(parts);
      await applyTruncation(parts, planned, progress);
      if (planned.note.isRestart || this.#wasMoving) await this.#parts.start.store();
      await removeNote(parts);
    } catch (error) {
      if (progress.hasBegun) this.#parts.onStopped(asStorageError(error));
      throw error;
    }
  }

  /** The files say so. */
  #noteCut({ end, isRestart }: TruncationNote): void {
    const { writer, appends, progress, start, onCut, context } = this.#parts;
    const { topic, index: partition } = this.#partition;
    context.log.info("a replica was truncated", { topic, partition, end, wasEnd: this.end });
    writer.rewind(end);
    appends.restart(end);
    this.#told = { written: end, flushed: end };
    onCut();
    if (isRestart) start.beginAt(end);
    const error = notHere(`what ${this.#name} had from offset ${end} on is not the chain's`);
    progress.cut({ end, isRestart }, error);
  }

  get #name(): string {
    return `${this.#partition.topic}-${this.#partition.index}`;
  }
}

function replicaFull(cause: XylemError): XylemError {
  const detail = `no room for what the chain was sent: ${cause.message}`;
  return new XylemError("KAFKA_STORAGE_ERROR", detail, { cause });
}

type CutParts = Parameters<typeof planTruncation>[0];

function notHere(detail: string): XylemError {
  return new XylemError("NOT_LEADER_OR_FOLLOWER", detail);
}

function asStorageError(error: unknown): XylemError {
  if (error instanceof XylemError && error.code === "KAFKA_STORAGE_ERROR") return error;
  const why = error instanceof Error ? error.message : String(error);
  const detail = `the partition stopped while it was truncated: ${why}`;
  return new XylemError("KAFKA_STORAGE_ERROR", detail, { cause: error });
}
