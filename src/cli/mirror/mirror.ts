import { setTimeout as delay } from "node:timers/promises";
import { CopyLane } from "./copy-lane.ts";
import type { KafkaCluster, Metadata } from "./kafka-cluster.ts";
import { MirrorGroups } from "./mirror-groups.ts";
import { MirrorMarks } from "./mirror-marks.ts";
import { MirrorPace } from "./mirror-pace.ts";
import type { MirrorReport } from "./mirror-report.ts";
import { MirrorTopics, type TopicPair } from "./mirror-topics.ts";
import { PartitionCopy } from "./partition-copy.ts";
import { Wake } from "./wake.ts";
import { WireFailure } from "./wire-failure.ts";

export interface MirrorOptions {
  /** Undefined: all but internal ones. */
  readonly topics: readonly string[] | undefined;
  readonly copiesGroups: boolean;
  readonly isUntilCaughtUp: boolean;
  /** Infinity: as fast as it goes. */
  readonly bytesPerSecond: number;
  /** Of records on their way to the target. */
  readonly inFlightBytesMax: number;
  /** Between two looks for topics, partitions, configs, and groups' offsets. */
  readonly refreshMs: number;
}

interface Ends {
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
}

/** Leaders that moved are looked for no more often than this. */
const roundMsMin = 500;
/** Fetches that were sent before a round began do not count: so long they may take to be over. */
const caughtUpMsMin = 5_000;
const fetchWaitMs = { whileRunning: 500, untilCaughtUp: 50 } as const;

/**
 * Copies topics, records and groups' offsets from one cluster to another, where offsets stay what
 * they are. All it has to know lies in the target: it may be killed and started again at any time.
 */
export class Mirror {
  readonly #ends: Ends;
  readonly #options: MirrorOptions;
  readonly #report: MirrorReport;
  readonly #topics: MirrorTopics;
  readonly #groups: MirrorGroups;
  readonly #pace: MirrorPace;
  readonly #copies = new Map<string, PartitionCopy>();
  readonly #lanes = new Map<number, Promise<void>>();
  readonly #news = new Wake();
  #hasMoved = false;
  readonly #stop = new AbortController();
  #failure: Error | undefined;
  #marks: MirrorMarks | undefined;

  constructor(ends: Ends, options: MirrorOptions, report: MirrorReport) {
    this.#ends = ends;
    this.#options = options;
    this.#report = report;
    this.#topics = new MirrorTopics(ends, options.topics, report);
    this.#groups = new MirrorGroups(ends, report);
    this.#pace = new MirrorPace(options.bytesPerSecond, options.inFlightBytesMax);
  }

  /**
   * Resolves when it was told to stop, or has caught up where that is the end; what is under way is
   * answered then. Throws WireFailure when a side is not there at the start, or is not usable, and
   * when both are one cluster.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { source, target } = this.#ends;
    const from = await source.readMetadata([]);
    checkDiffer(from, await target.readMetadata([]));
    const { clusterId } = from;
    this.#marks = new MirrorMarks(target, clusterId ?? "unknown");
    const end = (): void => this.#stop.abort();
    signal.addEventListener("abort", end, { once: true });
    try {
      while (!this.#stop.signal.aborted && !(await this.#round())) {
        await delay(roundMsMin, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    } finally {
      end();
      await Promise.all(this.#lanes.values());
      signal.removeEventListener("abort", end);
    }
    if (this.#failure !== undefined) throw this.#failure;
    await this.#writeMarks().catch(passNetwork);
  }

  /** Answers whether all is done. */
  async #round(): Promise<boolean> {
    const startMs = performance.now();
    this.#hasMoved = false;
    try {
      this.#follow(await this.#topics.sync());
      const isCaughtUp = await this.#whenCaughtUp(startMs);
      const heldBack = this.#options.copiesGroups ? await this.#copyGroups() : 0;
      await this.#writeMarks();
      this.#report.settle("mirror");
      const isDone = isCaughtUp && heldBack === 0 && this.#report.stalls.size === 0;
      if (this.#options.isUntilCaughtUp && isDone) return true;
    } catch (error) {
      if (!(error instanceof WireFailure) || error.facts.isFinal === true) throw error;
      this.#report.stall("mirror", error);
      this.#marks?.forget();
    }
    return false;
  }

  /** What is copied from now on, and whom it is asked of. */
  #follow(pairs: readonly TopicPair[]): void {
    const gone = new Set(this.#copies.keys());
    for (const pair of pairs) {
      for (const [at, place] of pair.source.entries()) {
        const there = pair.target[at];
        if (there === undefined) continue;
        const name = `${pair.name}-${place.index}`;
        gone.delete(name);
        const known = this.#copies.get(name);
        const copy = known ?? new PartitionCopy(pair.name, place.index);
        this.#copies.set(name, copy);
        copy.isDense = !pair.isCompacted;
        const isAnew = copy.follow(pair, place, there);
        // With a topic its marks go, and another mirror may have written some since.
        if (isAnew || known === undefined) this.#marks?.forget();
        if (place.leaderId < 0) this.#report.stall(name, noLeader);
        // Of what else stalls it its lane finds the end.
        else if (copy.position !== undefined) this.#report.settle(name);
      }
    }
    for (const name of gone) {
      const copy = this.#copies.get(name);
      if (copy !== undefined) copy.isGone = true;
      this.#copies.delete(name);
      this.#report.forget(name);
      this.#report.say(`${name} is not at the source any more`);
    }
    this.#report.counts.topics = pairs.length;
    this.#report.counts.partitions = this.#copies.size;
    for (const { sourceLeaderId } of this.#copies.values()) this.#startLane(sourceLeaderId);
  }

  #startLane(nodeId: number): void {
    const marks = this.#marks;
    if (nodeId < 0 || marks === undefined || this.#lanes.has(nodeId)) return;
    const lane = new CopyLane(nodeId, {
      ...this.#ends,
      marks,
      report: this.#report,
      pace: this.#pace,
      fetchWaitMs: fetchWaitMs[this.#options.isUntilCaughtUp ? "untilCaughtUp" : "whileRunning"],
      copies: () => [...this.#copies.values()].filter((one) => one.sourceLeaderId === nodeId),
      onMoved: () => {
        this.#hasMoved = true;
        this.#news.call();
      },
      onProgress: () => this.#news.call(),
    });
    const ending = lane.run(this.#stop.signal).catch((error: Error) => {
      this.#failure ??= error;
      this.#stop.abort();
    });
    this.#lanes.set(nodeId, ending);
  }

  /** Waits until all is copied that was there at that time, at most until the next round is due. */
  async #whenCaughtUp(sinceMs: number): Promise<boolean> {
    const { signal } = this.#stop;
    const { refreshMs, isUntilCaughtUp } = this.#options;
    const untilMs = sinceMs + (isUntilCaughtUp ? Math.max(refreshMs, caughtUpMsMin) : refreshMs);
    for (;;) {
      const copies = [...this.#copies.values()];
      this.#report.counts.lag = copies.reduce((sum, { lag }) => sum + lag, 0);
      const isCaughtUp = copies.every(({ caughtUpMs }) => caughtUpMs >= sinceMs);
      const leftMs = untilMs - performance.now();
      const isEnough = isCaughtUp && isUntilCaughtUp;
      if (isEnough || this.#hasMoved || leftMs <= 0 || signal.aborted) return isCaughtUp;
      await this.#news.wait(leftMs, signal);
    }
  }

  async #copyGroups(): Promise<number> {
    return await this.#groups.sync((topic, index) => this.#copies.get(`${topic}-${index}`));
  }

  async #writeMarks(): Promise<void> {
    await this.#marks?.writeProgress([...this.#copies.values()]);
  }
}

/** A copy of a cluster, as from a snapshot, has its id as well, but no node at the same address. */
function checkDiffer(source: Metadata, target: Metadata): void {
  const isSame = target.brokers.some(({ host, port }) =>
    source.brokers.some((one) => one.host === host && one.port === port),
  );
  if (!isSame || source.clusterId !== target.clusterId) return;
  const message = `the source and the target are one cluster (${source.clusterId})`;
  throw new WireFailure(message, { isFinal: true });
}

const noLeader = { message: "has no leader at the source", isPassing: true };

function passNetwork(error: unknown): void {
  if (!(error instanceof WireFailure)) throw error;
}
