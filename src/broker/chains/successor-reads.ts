import { XylemError } from "../../base/errors.ts";
import { BatchWalk } from "../../log/batch-walk.ts";
import type { ChainEffect } from "../../replication/chain-effect.ts";
import type { LinkId } from "../../replication/chain-input.ts";
import type { ReadResult } from "../partition/partition-log.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";

type WantedRead = Extract<ChainEffect, { kind: "read" }>;

/** What a read found: the batches of [offset, next). Whoever takes it releases its lease. */
export interface LoadedRead {
  readonly wanted: WantedRead;
  readonly next: number;
  readonly records: ReadResult;
}

export interface SuccessorReadsHost {
  /** Without room the reads are taken again once there is some. */
  hasRoom(link: LinkId): boolean;
  /** How much may be read for it now; 0: nothing yet, `take` is called again when there is. */
  allowance(wanted: WantedRead): number;
  /** A read that had to wait for the disk has ended. */
  onLoaded(): void;
  /** It is tried again at the next `retry`. */
  onFailed(error: XylemError): void;
}

const nothing: ReadResult = { chunks: [], sizeBytes: 0 };

/**
 * Reads what the successors of one replica are to be sent, once their links have room: at most one
 * read at a time for each link.
 */
export class SuccessorReads {
  readonly #log: ReplicaLog;
  readonly #host: SuccessorReadsHost;
  readonly #wanted = new Map<LinkId, WantedRead>();
  #loaded: LoadedRead[] = [];
  #failed: WantedRead[] = [];
  #isClosed = false;

  constructor(log: ReplicaLog, host: SuccessorReadsHost) {
    this.#log = log;
    this.#host = host;
  }

  /** Nothing is to be read again. */
  get isIdle(): boolean {
    return this.#failed.length === 0;
  }

  want(wanted: WantedRead): void {
    this.#wanted.set(wanted.link, wanted);
  }

  /** The next read that is done, or can be done at once. */
  take(): LoadedRead | undefined {
    const loaded = this.#loaded.shift();
    if (loaded !== undefined) return loaded;
    for (const [link, wanted] of this.#wanted) {
      if (!this.#host.hasRoom(link)) continue;
      const sizeBytesMax = this.#host.allowance(wanted);
      if (sizeBytesMax === 0) continue;
      this.#wanted.delete(link);
      const found = this.#begin({ ...wanted, sizeBytesMax });
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What failed is read again. */
  retry(): void {
    for (const wanted of this.#failed.splice(0)) this.want(wanted);
  }

  /** Answers whether something was wanted for it that was not read yet. */
  closed(link: LinkId): boolean {
    this.#failed = this.#failed.filter((one) => one.link !== link);
    return this.#wanted.delete(link);
  }

  close(): void {
    this.#isClosed = true;
    for (const { records } of this.#loaded) records.lease?.release();
    this.#loaded = [];
    this.#wanted.clear();
    this.#failed = [];
  }

  #begin(wanted: WantedRead): LoadedRead | undefined {
    const { offset, sizeBytesMax } = wanted;
    const { end, written } = this.#log;
    // Below it a read that finds nothing says that compaction has left nothing.
    const upTo = offset < written ? written : end;
    try {
      const reading = this.#log.readForSuccessor(offset, { sizeBytesMax, wholeFirst: true, upTo });
      if (!(reading instanceof Promise)) return loadedOf(wanted, reading, upTo);
      reading.then(
        (records) => this.#done(loadedOf(wanted, records, upTo)),
        (error: unknown) => this.#done(this.#failure(wanted, error)),
      );
      return undefined;
    } catch (error) {
      return this.#failure(wanted, error);
    }
  }

  #done(loaded: LoadedRead | undefined): void {
    if (this.#isClosed) return loaded?.records.lease?.release();
    if (loaded === undefined) return;
    this.#loaded.push(loaded);
    this.#host.onLoaded();
  }

  /** What is deleted meanwhile is loaded as nothing; the log start tells the rest. */
  #failure(wanted: WantedRead, error: unknown): LoadedRead | undefined {
    if (wanted.offset < (this.#log.begin ?? this.#log.logStart)) {
      return { wanted, next: wanted.offset, records: nothing };
    }
    this.#failed.push(wanted);
    this.#host.onFailed(
      error instanceof XylemError
        ? error
        : new XylemError("KAFKA_STORAGE_ERROR", "a read for a successor failed", { cause: error }),
    );
    return undefined;
  }
}

function loadedOf(wanted: WantedRead, records: ReadResult, upTo: number): LoadedRead {
  const chunk = records.chunks.at(-1);
  if (chunk === undefined) return { wanted, next: upTo, records };
  const walk = new BatchWalk(chunk, 0, 0);
  while (walk.look() === "batch") walk.advance();
  return { wanted, next: walk.offsetMin, records };
}
