import type { Broker } from "../broker.ts";
import type { Expiring } from "../deadlines.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { FetchBudget } from "./fetch-budget.ts";
import type { FetchPartition } from "./fetch-partition.ts";
import { FetchPass } from "./fetch-pass.ts";

export interface FetchLimits {
  /** Up to 0: never waits. */
  readonly maxWaitMs: number;
  /** Fewer bytes than this are waited for. Capped by the byte limit. */
  readonly minBytes: number;
  /** Of the whole answer; `fetch.max.bytes` caps it. One batch is always given whole. */
  readonly maxBytes: number;
  /** Reads up to the last stable offset, not to the committed one. */
  readonly readCommitted: boolean;
  /** What the door's readers share; none: only the limits above count. */
  readonly budget?: FetchBudget;
  /** Whom the reader of a partition that this node leads had better ask; -1: this node. */
  readonly prefer?: ((wanted: FetchPartition) => number) | undefined;
}

/**
 * One fetch: reads, and where too little is there, waits without polling until an append, a
 * deletion or the time limit wakes it. The outcome is in the partitions.
 */
export class Fetch implements Expiring {
  readonly #broker: Broker;
  readonly #limits: FetchLimits;
  readonly #partitions: readonly FetchPartition[];
  readonly #sizeBytesMax: number;
  #pass: FetchPass;
  #unsubscribe: (() => void)[] = [];
  /** Sum of the logs' sizes at the last pass: tells how much can have come since. */
  #logBytes = 0;
  /** Some of those bytes were not to be read: they can come without the logs growing. */
  #hadUnreadable = false;
  #state: "reading" | "parked" | "woken" | "done" = "reading";
  #isOver = false;
  #deadlineSlot: number | undefined;
  #resolve: (() => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor(broker: Broker, limits: FetchLimits, partitions: readonly FetchPartition[]) {
    this.#broker = broker;
    this.#limits = limits;
    this.#partitions = partitions;
    this.#sizeBytesMax = Math.min(limits.maxBytes, broker.settings["fetch.max.bytes"]);
    this.#pass = this.#nextPass();
  }

  /** Undefined: the outcome is there. Rejects only on a defect of ours. */
  run(): Promise<void> | undefined {
    const reading = this.#pass.run();
    if (reading === undefined && this.#isEnough()) return this.#finish();
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      if (reading === undefined) this.#park();
      else this.#await(reading);
    });
  }

  /** Time is over, or the node stops: answers with what there is. */
  expire(): void {
    this.#isOver = true;
    this.#deadlineSlot = undefined;
    if (this.#state === "parked") this.#wake();
  }

  /** Nobody wants the answer any more: nothing is held or read from here on. */
  cancel(): void {
    this.#isOver = true;
    if (this.#state !== "reading") this.#finish();
  }

  /** The records have been taken over, or are not wanted. Twice is harmless. */
  release(): void {
    this.#pass.release();
  }

  #await(reading: Promise<void>): void {
    reading.then(
      () => {
        if (this.#isEnough()) this.#finish();
        else this.#park();
      },
      (error: unknown) => this.#break(error),
    );
  }

  #isEnough(): boolean {
    const { maxWaitMs, minBytes } = this.#limits;
    if (this.#isOver || maxWaitMs <= 0 || this.#partitions.length === 0) return true;
    return this.#pass.isUrgent || this.#pass.sizeBytes >= Math.min(minBytes, this.#sizeBytesMax);
  }

  #park(): void {
    for (const partition of this.#partitions) partition.dropRecords();
    this.#pass.release();
    this.#state = "parked";
    if (this.#unsubscribe.length === 0) this.#subscribe();
    if (this.#hasMissed()) this.#advanced();
  }

  #subscribe(): void {
    const listener = (): void => this.#advanced();
    const partitions = new Set(this.#partitions.map(({ partition }) => partition));
    for (const one of partitions) {
      if (one !== undefined) this.#unsubscribe.push(one.onAdvance(listener));
    }
    this.#unsubscribe.push(this.#broker.topics.onDeleted(() => this.#wake()));
    this.#deadlineSlot = this.#broker.deadlines.add(this, this.#limits.maxWaitMs);
  }

  /** A partition advanced or stopped after it was read and before this fetch was parked. */
  #hasMissed(): boolean {
    for (const { log, highWatermark } of this.#partitions) {
      if ((log?.committed ?? -1) > highWatermark) return true;
    }
    return this.#hasStopped();
  }

  /** The next pass finds that too, and its error ends the fetch. */
  #hasStopped(): boolean {
    for (const log of this.#logs()) if (log.stopped !== undefined) return true;
    return false;
  }

  #advanced(): void {
    if (this.#state !== "parked") return;
    const { minBytes } = this.#limits;
    // A fetch that waits for many bytes does not read them again for each one that comes.
    const bytesAtMost = this.#pass.sizeBytes + this.#sumLogBytes() - this.#logBytes;
    const isTooLittle = bytesAtMost < Math.min(minBytes, this.#sizeBytesMax);
    const isWorthless = minBytes > 1 && isTooLittle && !this.#hadUnreadable;
    if (isWorthless && !this.#hasStopped()) return;
    this.#wake();
  }

  /** Reads again once the caller is done: several partitions that advance together wake it once. */
  #wake(): void {
    if (this.#state !== "parked") return;
    this.#state = "woken";
    void Promise.resolve().then(() => this.#readAgain());
  }

  #readAgain(): void {
    if (this.#state !== "woken") return;
    this.#state = "reading";
    this.#pass = this.#nextPass();
    try {
      const reading = this.#pass.run();
      if (reading !== undefined) this.#await(reading);
      else if (this.#isEnough()) this.#finish();
      else this.#park();
    } catch (error) {
      this.#break(error);
    }
  }

  #nextPass(): FetchPass {
    this.#logBytes = this.#sumLogBytes();
    this.#hadUnreadable = false;
    const { readCommitted } = this.#limits;
    for (const log of this.#logs()) {
      this.#hadUnreadable ||= log.end > (readCommitted ? log.lastStable : log.committed);
    }
    return new FetchPass(this.#broker.topics, this.#partitions, {
      sizeBytesMax: this.#sizeBytesMax,
      readCommitted: this.#limits.readCommitted,
      budget: this.#limits.budget,
      prefer: this.#limits.prefer,
    });
  }

  #break(error: unknown): void {
    const reject = this.#reject;
    this.#finish();
    reject?.(error);
  }

  #finish(): undefined {
    if (this.#state === "done") return undefined;
    this.#state = "done";
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
    const { deadlines } = this.#broker;
    if (this.#deadlineSlot !== undefined) deadlines.remove(this, this.#deadlineSlot);
    this.#resolve?.();
    return undefined;
  }

  #sumLogBytes(): number {
    let total = 0;
    for (const log of this.#logs()) total += log.sizeBytes;
    return total;
  }

  *#logs(): Generator<PartitionLog> {
    for (const { log } of this.#partitions) {
      if (log !== undefined) yield log;
    }
  }
}
