import type { Clock } from "../../base/clock.ts";
import { DamageError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { drawBetween, drawOneIn } from "../../simulation/draw.ts";
import type { DiskOperation, SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { Trace } from "./trace.ts";

/** An operation that fails, so often. */
interface Failure {
  readonly operations: ReadonlySet<DiskOperation>;
  readonly suffix: string;
  left: number;
}

/** The machine dies around one operation. */
interface Crash {
  readonly operation: number;
  readonly moment: "before" | "after";
  readonly happen: () => void;
  /** The operation that it waits for the end of. */
  awaited: string | undefined;
}

const syncUsMin = 100;
const syncUsMax = 4_000;
const otherUsMax = 500;

/** What goes wrong on the disk at the moment, and how long each operation takes. */
export class DiskFaults {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #trace: Trace;
  /** A failed flush made the cache forget what it held. */
  onLost: () => void = () => undefined;
  #failures: Failure[] = [];
  #slowMsMax = 0;
  #crash: Crash | undefined;
  /** Errors that were really met. */
  metCount = 0;
  operationCount = 0;

  constructor(clock: Clock, random: Random, trace: Trace) {
    this.#clock = clock;
    this.#random = random;
    this.#trace = trace;
  }

  hangOn(disk: SimulatedDisk): void {
    const late = new Map<string, boolean>();
    disk.fault = (operation, path) => {
      this.operationCount += 1;
      this.#trace.mix(`${operation} ${path}`);
      if (this.#isCrashing(`${operation} ${path}`)) return new Promise(() => {});
      this.#failIfDue(operation, path, disk);
      const isLate = drawOneIn(this.#random, 2);
      late.set(operation, isLate);
      return isLate ? undefined : this.#delay(operation);
    };
    disk.late = (operation, path) => {
      if (this.#crash?.awaited === `${operation} ${path}`) {
        this.#happen(this.#crash);
        return new Promise(() => {});
      }
      return late.get(operation) === true ? this.#delay(operation) : undefined;
    };
  }

  /** The next `count` such operations on files with this ending fail with an I/O error. */
  fail(operations: readonly DiskOperation[], suffix: string, count: number): void {
    this.#failures.push({ operations: new Set(operations), suffix, left: count });
  }

  /** Every operation takes up to so long; 0 ends it. */
  slowDown(msMax: number): void {
    this.#slowMsMax = msMax;
  }

  heal(): void {
    this.#failures = [];
    this.#slowMsMax = 0;
  }

  /** Once, at the operation of that number, `happen` is called in place of going on. */
  crashAt(operation: number, moment: "before" | "after", happen: () => void): void {
    this.#crash = { operation, moment, happen, awaited: undefined };
  }

  #isCrashing(what: string): boolean {
    if (this.#crash?.operation !== this.operationCount) return false;
    if (this.#crash.moment === "before") this.#happen(this.#crash);
    else this.#crash.awaited = what;
    return this.#crash === undefined;
  }

  #happen(crash: Crash): void {
    this.#crash = undefined;
    this.#trace.add("disk", `crash ${crash.moment} operation ${crash.operation}`);
    crash.happen();
  }

  #failIfDue(operation: DiskOperation, path: string, disk: SimulatedDisk): void {
    const due = this.#failures.find(
      ({ operations, suffix, left }) =>
        left > 0 && operations.has(operation) && path.endsWith(suffix),
    );
    if (due === undefined) return;
    due.left -= 1;
    this.metCount += 1;
    this.#trace.add("disk", `EIO ${operation} ${path}`);
    // Half of the time the cache keeps the bytes, and a later flush covers them.
    if (operation === "sync" && drawOneIn(this.#random, 2)) {
      disk.loseCache(path, this.#random);
      this.onLost();
    }
    throw new DamageError("KAFKA_STORAGE_ERROR", `${path}: EIO: i/o error, ${operation}`);
  }

  #delay(operation: DiskOperation): Promise<void> | undefined {
    const random = this.#random;
    if (this.#slowMsMax > 0 && drawOneIn(random, 4)) {
      return this.#sleep(drawBetween(random, 1, this.#slowMsMax));
    }
    const isSync = operation === "sync" || operation === "syncDirectory";
    if (isSync) return this.#sleep(drawBetween(random, syncUsMin, syncUsMax) / 1_000);
    if (!drawOneIn(random, 3)) return undefined;
    return this.#sleep(drawBetween(random, 1, otherUsMax) / 1_000);
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.schedule(delayMs, resolve));
  }
}
