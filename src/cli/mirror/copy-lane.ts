import { setTimeout as delay } from "node:timers/promises";
import { catalogue } from "../../base/error-catalogue.ts";
import { MalformedError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import { mirrorBatches } from "./mirrored-batches.ts";
import type { MirrorPace } from "./mirror-pace.ts";
import {
  appendAll,
  fetchedBytes,
  fetchMany,
  type MirroredAppend,
  type PartitionFetched,
} from "./partition-calls.ts";
import type { PartitionCopy } from "./partition-copy.ts";
import { type CopyEnds, resumeCopy } from "./resume-copy.ts";
import { WireFailure } from "./wire-failure.ts";

export interface LaneParts extends CopyEnds {
  readonly pace: MirrorPace;
  /** How long the source may wait for records. */
  readonly fetchWaitMs: number;
  /** Those that this node of the source leads. */
  readonly copies: () => readonly PartitionCopy[];
  /** A leader may have moved. */
  readonly onMoved: () => void;
  /** Something was copied, or nothing is left to copy. */
  readonly onProgress: () => void;
}

interface Append extends MirroredAppend {
  readonly copy: PartitionCopy;
  readonly next: number;
  readonly sizeBytes: number;
  readonly recordCount: number;
}

const idleMs = 100;
const outOfRange = catalogue.OFFSET_OUT_OF_RANGE.kafka;
const resumesMax = 16;

/**
 * Copies what one node of the source leads: one fetch at a time, its records on their way to the
 * target while the next is fetched. Of one partition appends go in order; after a failure it goes
 * on from the target's end.
 */
export class CopyLane {
  readonly #nodeId: number;
  readonly #parts: LaneParts;
  readonly #appending = new Set<Promise<void>>();
  #turn = 0;

  constructor(nodeId: number, parts: LaneParts) {
    this.#nodeId = nodeId;
    this.#parts = parts;
  }

  /** Ends when it is told to and all appends are answered. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#resumeDue();
      const ready = this.#parts.copies().filter(({ position }) => position !== undefined);
      if (ready.length === 0) {
        await delay(idleMs, undefined, { signal }).catch(() => undefined);
        continue;
      }
      await this.#parts.pace.pass(signal);
      if (!signal.aborted) await this.#fetch(ready);
    }
    await Promise.all(this.#appending);
  }

  async #resumeDue(): Promise<void> {
    const nowMs = performance.now();
    const due = this.#parts.copies().filter(({ position, appendsInFlight, retryAtMs }) => {
      return position === undefined && appendsInFlight === 0 && retryAtMs <= nowMs;
    });
    await inParallel(due, resumesMax, async (copy) => {
      try {
        await resumeCopy(copy, this.#parts);
        this.#parts.report.settle(copy.name);
      } catch (error) {
        this.#fail(copy, error);
      }
    });
  }

  async #fetch(ready: readonly PartitionCopy[]): Promise<void> {
    // A source fills its answer in the order asked: each is first once.
    this.#turn = (this.#turn + 1) % ready.length;
    const ordered = [...ready.slice(this.#turn), ...ready.slice(0, this.#turn)];
    const sentMs = performance.now();
    const { source, pace, fetchWaitMs: waitMs } = this.#parts;
    const bounds = { sizeBytesMax: pace.fetchBytesMax, waitMs };
    const asked = ordered.map((copy) => ({ copy, wish: copy.wish }));
    const wishes = asked.map(({ wish }) => wish);
    try {
      const fetched = await fetchMany(source, this.#nodeId, wishes, bounds);
      const appends = asked.flatMap(({ copy, wish }) => {
        const answer = fetched.get(copy.name);
        const isWanted = answer !== undefined && copy.wants(wish);
        return isWanted ? this.#take(copy, answer, sentMs) : [];
      });
      for (const [leaderId, own] of Map.groupBy(appends, ({ copy }) => copy.targetLeaderId)) {
        this.#append(leaderId, own);
      }
    } catch (error) {
      if (!isFailure(error)) throw error;
      for (const { copy, wish } of asked) if (copy.wants(wish)) this.#fail(copy, error);
    }
  }

  #take(copy: PartitionCopy, answer: PartitionFetched, sentMs: number): Append[] {
    if (answer.errorCode !== 0) {
      // Nothing is known of that epoch there; where it goes on is looked up.
      if (answer.errorCode === outOfRange && copy.last.epoch >= 0) copy.tellsEpochs = false;
      this.#fail(copy, WireFailure.ofCode(answer.errorCode, "fetching at the source"));
      return [];
    }
    const { position: from } = copy;
    if (from === undefined) return [];
    const { divergingEpoch } = answer;
    if (divergingEpoch.epoch >= 0) {
      copy.cutTo = Math.min(copy.cutTo, Number(divergingEpoch.endOffset));
      const detail = `the source has cut its log back to ${copy.cutTo}, ${from} was fetched next`;
      this.#fail(copy, new WireFailure(detail, { isPassing: true }));
      return [];
    }
    const stable = Number(answer.lastStableOffset);
    copy.sourceEnd = stable >= 0 ? stable : Number(answer.highWatermark);
    try {
      const batches = mirrorBatches({ ...fetchedBytes(answer), from, isDense: copy.isDense });
      if (batches.next > from) {
        copy.position = batches.next;
        copy.last = { epoch: batches.lastEpoch, next: batches.next };
        return [{ copy, from, ...batches }];
      }
    } catch (error) {
      this.#fail(copy, error);
      return [];
    }
    if (copy.copied >= copy.sourceEnd) copy.caughtUpMs = sentMs;
    this.#parts.onProgress();
    return [];
  }

  #append(leaderId: number, appends: readonly Append[]): void {
    const sizeBytes = appends.reduce((sum, append) => sum + append.sizeBytes, 0);
    this.#parts.pace.take(sizeBytes);
    for (const { copy } of appends) copy.appendsInFlight += 1;
    const appending = this.#appendNow(leaderId, appends).finally(() => {
      for (const { copy } of appends) copy.appendsInFlight -= 1;
      this.#parts.pace.release(sizeBytes);
      this.#appending.delete(appending);
      this.#parts.onProgress();
    });
    this.#appending.add(appending);
  }

  async #appendNow(leaderId: number, appends: readonly Append[]): Promise<void> {
    const { counts } = this.#parts.report;
    try {
      const refusalOf = await appendAll(this.#parts.target, leaderId, appends);
      for (const { copy, next, sizeBytes, recordCount } of appends) {
        const refusal = refusalOf(copy);
        if (refusal !== undefined) {
          this.#fail(copy, refusal);
          continue;
        }
        copy.noteCopied(next);
        counts.records += recordCount;
        counts.bytes += sizeBytes;
      }
    } catch (error) {
      for (const { copy } of appends) this.#fail(copy, error);
    }
  }

  /** Of several appends that fail one after the other only the first is told. */
  #fail(copy: PartitionCopy, error: unknown): void {
    if (!isFailure(error)) throw error;
    if (copy.isGone) return;
    if (copy.position !== undefined || copy.appendsInFlight === 0) {
      this.#parts.report.stall(copy.name, error);
      copy.retryLater(performance.now());
    }
    this.#parts.onMoved();
  }
}

/** Of the other side; what else is thrown is a fault of our own. */
function isFailure(error: unknown): error is WireFailure | MalformedError {
  return error instanceof WireFailure || error instanceof MalformedError;
}
