import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Disk } from "../../broker/ports/disk.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import type { SocketEnd } from "./simulated-socket.ts";

/** Bugs that a test plants through the broker's ports, to see them caught. */
export interface Plants {
  /** What the broker gets in place of its disk. */
  readonly wrapDisk?: (disk: Disk) => Disk;
  /** Checksums and codecs of its logs. */
  readonly tools?: BatchTools;
}

/** A client's side of a connection to a process. */
export type ClientEnd = Pick<SocketEnd, "deliver" | "cut">;

/** One life of a broker. */
export interface Life {
  readonly isServing: boolean;
  /** Rejects as the start of a node does. Never ends when it is killed meanwhile. */
  start(): Promise<void>;
  /** As `xylem stop`. */
  stop(): Promise<void>;
  /** Nothing of it happens any more; its disk dies by its owner. */
  kill(how: "process" | "machine"): void;
  /** Undefined: nobody listens. */
  connect(onBytes: (bytes: Uint8Array) => void, onClosed: () => void): ClientEnd | undefined;
  /** Ends every connection of clients, as a broken network does. */
  cutConnections(): void;
}

export interface MachineParts<Own extends Life> {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: SimulatedDisk;
  /** Hangs faults and delays on the disk of a new process. */
  readonly prepare: (disk: SimulatedDisk) => void;
  readonly begin: (disk: SimulatedDisk, skewMs: () => number) => Own;
  readonly onEvent: (what: string) => void;
}

/** A start that fails is tried again; so often in a row is a machine that is stuck. */
const startsMax = 60;
const startAgainMs = 1_000;
const stopMsMax = 60_000;

/** The computer that the broker runs on: one disk, one process after the other. */
export class Machine<Own extends Life = Life> {
  readonly #parts: MachineParts<Own>;
  #process: Own | undefined;
  /** Rises with each death, so that an attempt to start knows that it is over. */
  #life = 0;
  #died = Promise.withResolvers<void>();
  disk: SimulatedDisk;
  skewMs = 0;
  /** How often it was switched on. */
  bootCount = 1;
  /** How many disks it had before this one. */
  wipeCount = 0;

  constructor(parts: MachineParts<Own>) {
    this.#parts = parts;
    this.disk = parts.disk;
    parts.prepare(this.disk);
  }

  get process(): Own | undefined {
    return this.#process?.isServing ? this.#process : undefined;
  }

  /**
   * Resolves when the broker serves, or was killed or stopped meanwhile, or is there already.
   * Throws when it never will.
   */
  async start(): Promise<void> {
    if (this.#process !== undefined) return;
    const life = ++this.#life;
    this.#died = Promise.withResolvers<void>();
    for (let tries = 0; tries < startsMax; tries += 1) {
      const process = this.#parts.begin(this.disk, () => this.skewMs);
      this.#process = process;
      try {
        await Promise.race([process.start(), this.#died.promise]);
        if (life === this.#life) this.#parts.onEvent("started");
        return;
      } catch (error) {
        if (life !== this.#life) return;
        this.#parts.onEvent(`did not start: ${(error as Error).message}`);
        process.kill("process");
        this.#succeed(this.disk.afterKill());
        await this.sleep(startAgainMs);
        if (life !== this.#life) return;
      }
    }
    throw new Error(`the broker did not start ${startsMax} times in a row`);
  }

  /** As `kill -9`: all that was written stays, a write under way comes a part of its way. */
  kill(): void {
    this.#die("process");
    this.#succeed(this.disk.afterKill(this.#parts.random));
  }

  /** What was not synced may be gone. */
  cutPower(): void {
    const left = this.disk.afterPowerCut(this.#parts.random);
    this.#die("machine");
    this.disk.die();
    this.bootCount += 1;
    this.#succeed(left);
  }

  /** The machine dies and comes back with an empty disk. */
  wipe(): void {
    this.#die("machine");
    this.disk.die();
    this.bootCount += 1;
    this.wipeCount += 1;
    this.#succeed(new SimulatedDisk({ nowMs: () => this.#parts.clock.nowMs() }));
  }

  /** Stops in order; killed when that takes too long. Answers whether it was in order. */
  async stop(): Promise<boolean> {
    const process = this.#process;
    const life = this.#life;
    if (process === undefined) return false;
    let isLate = false;
    const late = this.sleep(stopMsMax).then(() => (isLate = true));
    let failure: Error | undefined;
    await Promise.race([
      process.stop().catch((error: unknown) => (failure = error as Error)),
      late,
      this.#died.promise,
    ]);
    if (life !== this.#life) return false;
    if (isLate) this.#parts.onEvent("did not stop in time");
    if (failure !== undefined) this.#parts.onEvent(`did not stop well: ${failure.message}`);
    this.#die("process");
    this.#succeed(this.disk.afterKill());
    return !isLate && failure === undefined;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.schedule(delayMs, resolve));
  }

  #die(how: "process" | "machine"): void {
    this.#life += 1;
    this.#process?.kill(how);
    this.#process = undefined;
    this.#died.resolve();
  }

  #succeed(disk: SimulatedDisk): void {
    this.disk = disk;
    this.#parts.prepare(disk);
  }
}
