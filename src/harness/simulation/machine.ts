import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type { Disk } from "../../broker/ports/disk.ts";
import type { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { Log } from "../../base/log.ts";
import { batchTools } from "../../node/open-broker.ts";
import type { BatchTools } from "../../protocol/build-batch.ts";
import { SimulatedProcess } from "./simulated-process.ts";

/** Bugs that a test plants through the broker's ports, to see them caught. */
export interface Plants {
  /** What the broker gets in place of its disk. */
  readonly wrapDisk?: (disk: Disk) => Disk;
  /** Checksums and codecs of its logs. */
  readonly tools?: BatchTools;
}

export interface MachineParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: NodeSettings;
  readonly log: Log;
  readonly disk: SimulatedDisk;
  /** Hangs faults and delays on the disk of a new process. */
  readonly prepare: (disk: SimulatedDisk) => void;
  readonly plants: Plants;
  readonly onEvent: (what: string) => void;
}

/** A start that fails is tried again; so often in a row is a machine that is stuck. */
const startsMax = 60;
const startAgainMs = 1_000;
const stopMsMax = 60_000;

/** The computer that the broker runs on: one disk, one process after the other. */
export class Machine {
  readonly #parts: MachineParts;
  #process: SimulatedProcess | undefined;
  /** Rises with each death, so that an attempt to start knows that it is over. */
  #life = 0;
  disk: SimulatedDisk;
  skewMs = 0;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.disk = parts.disk;
    parts.prepare(this.disk);
  }

  get process(): SimulatedProcess | undefined {
    return this.#process?.isServing ? this.#process : undefined;
  }

  /** Resolves when the broker serves, or was killed meanwhile. Throws when it never will. */
  async start(): Promise<void> {
    const life = ++this.#life;
    for (let tries = 0; tries < startsMax; tries += 1) {
      const process = this.#make();
      this.#process = process;
      try {
        const died = new Promise<void>((resolve) => (this.#onDeath = resolve));
        await Promise.race([process.start(), died]);
        if (life === this.#life) this.#parts.onEvent("started");
        return;
      } catch (error) {
        if (life !== this.#life) return;
        this.#parts.onEvent(`did not start: ${(error as Error).message}`);
        process.kill();
        this.#succeed(this.disk.afterKill());
        await this.sleep(startAgainMs);
        if (life !== this.#life) return;
      }
    }
    throw new Error(`the broker did not start ${startsMax} times in a row`);
  }

  #onDeath: () => void = () => undefined;

  /** As `kill -9`: all that was written stays, a write under way comes a part of its way. */
  kill(): void {
    this.#die();
    this.#succeed(this.disk.afterKill(this.#parts.random));
  }

  /** What was not synced may be gone. */
  cutPower(): void {
    const left = this.disk.afterPowerCut(this.#parts.random);
    this.#die();
    this.disk.die();
    this.#succeed(left);
  }

  /** Stops in order; killed when that takes too long. Answers whether it was in order. */
  async stop(): Promise<boolean> {
    const process = this.#process;
    const life = this.#life;
    if (process === undefined) return false;
    let isLate = false;
    const late = this.sleep(stopMsMax).then(() => (isLate = true));
    const died = new Promise<void>((resolve) => (this.#onDeath = resolve));
    let failure: Error | undefined;
    await Promise.race([
      process.stop().catch((error: unknown) => (failure = error as Error)),
      late,
      died,
    ]);
    if (life !== this.#life) return false;
    if (isLate) this.#parts.onEvent("did not stop in time");
    if (failure !== undefined) this.#parts.onEvent(`did not stop well: ${failure.message}`);
    this.#life += 1;
    process.kill();
    this.#process = undefined;
    this.#succeed(this.disk.afterKill());
    return !isLate && failure === undefined;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.schedule(delayMs, resolve));
  }

  #make(): SimulatedProcess {
    const { clock, random, settings, log, plants } = this.#parts;
    const { wrapDisk = (disk: Disk) => disk, tools = batchTools } = plants;
    const skewMs = (): number => this.skewMs;
    const disk = wrapDisk(this.disk);
    return new SimulatedProcess({ disk, tools, clock, skewMs, random, log, settings });
  }

  #die(): void {
    this.#life += 1;
    this.#process?.kill();
    this.#process = undefined;
    this.#onDeath();
  }

  #succeed(disk: SimulatedDisk): void {
    this.disk = disk;
    this.#parts.prepare(disk);
  }
}
