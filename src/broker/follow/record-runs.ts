import { recordOverheadBytes } from "../records/answer-room.ts";
import type { RecordScope } from "../records/stored-record.ts";
import { type RunPlace, readRun, runSizeBytesMax } from "./read-run.ts";
import { RecordRun } from "./record-run.ts";

/** Reads under way at a time; further readers wait for their turn. */
const readsMax = 32;
/** A run that is smaller than this is read again once much more lies behind it. */
const smallSizeBytes = runSizeBytesMax / 4;

/** The runs of one partition that are kept or being read, by their first offset. */
export type RunsByOffset = Map<number, RecordRun | Promise<RecordRun>>;

interface KeptRun {
  readonly run: RecordRun;
  readonly home: RunsByOffset;
  sizeBytes: number;
}

/**
 * What was read for one reader is kept for those who come to the same place, as all do that are at
 * the end of a partition: `live.shared.max.bytes` in all, the oldest goes first.
 */
export class RecordRuns {
  readonly #scope: RecordScope;
  /** Oldest first. */
  readonly #kept = new Map<RecordRun, KeptRun>();
  readonly #waiting: (() => void)[] = [];
  #readCount = 0;
  #sizeBytes = 0;

  constructor(scope: RecordScope) {
    this.#scope = scope;
  }

  /** What is kept, with the forms that doors made of it. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What lies at an offset below `lastStable`; at once where it is at hand. */
  read(home: RunsByOffset, place: RunPlace, lastStable: number): RecordRun | Promise<RecordRun> {
    const known = home.get(place.offset);
    if (known !== undefined && !isOutgrown(known, lastStable)) return known;
    if (known instanceof RecordRun) this.#drop(known);
    const reading =
      this.#readCount < readsMax
        ? this.#read(home, place)
        : new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() =>
            this.#read(home, place),
          );
    if (reading instanceof RecordRun) return reading;
    home.set(place.offset, reading);
    return reading;
  }

  /** Nobody follows that partition any more. */
  dropAll(home: RunsByOffset): void {
    for (const run of home.values()) if (run instanceof RecordRun) this.#drop(run);
    home.clear();
  }

  #read(home: RunsByOffset, place: RunPlace): RecordRun | Promise<RecordRun> {
    const charge = (bytes: number): void => {
      const kept = this.#kept.get(run as RecordRun);
      if (kept === undefined) return;
      kept.sizeBytes += bytes;
      this.#sizeBytes += bytes;
      this.#trim();
    };
    let run: RecordRun | undefined;
    const done = (read: RecordRun): RecordRun => {
      this.#readDone();
      return this.#keep((run = read), home);
    };
    const failed = (error: unknown): never => {
      this.#readDone();
      home.delete(place.offset);
      throw error;
    };
    this.#readCount += 1;
    let reading: RecordRun | Promise<RecordRun>;
    try {
      reading = readRun(this.#scope, place, charge);
    } catch (error) {
      return failed(error);
    }
    return reading instanceof RecordRun ? done(reading) : reading.then(done, failed);
  }

  /** Whatever became of it, the next one has its turn. */
  #readDone(): void {
    this.#readCount -= 1;
    this.#waiting.shift()?.();
  }

  #keep(run: RecordRun, home: RunsByOffset): RecordRun {
    home.delete(run.from);
    // Nothing was there: that may be otherwise at any moment.
    if (run.nextOffset === run.from) return run;
    const sizeBytes = run.sizeBytes + run.records.length * recordOverheadBytes;
    home.set(run.from, run);
    this.#kept.set(run, { run, home, sizeBytes });
    this.#sizeBytes += sizeBytes;
    this.#trim();
    return run;
  }

  #trim(): void {
    const bytesMax = this.#scope.broker.settings["live.shared.max.bytes"];
    for (const run of this.#kept.keys()) {
      if (this.#sizeBytes <= bytesMax) return;
      this.#drop(run);
    }
  }

  #drop(run: RecordRun): void {
    const kept = this.#kept.get(run);
    if (kept === undefined) return;
    this.#kept.delete(run);
    this.#sizeBytes -= kept.sizeBytes;
    if (kept.home.get(run.from) === run) kept.home.delete(run.from);
  }
}

/** Whoever is far behind would go through what came singly, record by record. */
function isOutgrown(known: RecordRun | Promise<RecordRun>, lastStable: number): boolean {
  if (known instanceof Promise || known.sizeBytes >= smallSizeBytes) return false;
  return lastStable - known.from >= 2 * (known.nextOffset - known.from);
}
