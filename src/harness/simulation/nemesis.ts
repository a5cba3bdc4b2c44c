import type { Random } from "../../base/random.ts";
import { drawBetween, drawOf, drawOneIn } from "../../simulation/draw.ts";
import type { DiskFaults } from "./disk-faults.ts";
import { checkpointPattern, indexPattern, spoilBatch, spoilSideFile } from "./spoil.ts";
import type { Machine } from "./machine.ts";
import type { Scene } from "./scene.ts";
import type { World } from "./world.ts";

/** What can go wrong, by name: totals are told by these. */
export const faultNames = [
  "restart",
  "kill",
  "power",
  "kill while starting",
  "power while starting",
  "cut connections",
  "slow disk",
  "full disk",
  "EIO append",
  "EIO sync",
  "EIO read",
  "EIO elsewhere",
  "flip log",
  "flip index",
  "flip checkpoint",
  "clock jump",
] as const;

export type FaultName = (typeof faultNames)[number];

const pauseMsMin = 2_000;
const pauseMsMax = 7_000;
const downMsMax = 3_000;

/** How often each fault is drawn, against the others. */
const weights: Readonly<Record<FaultName, number>> = {
  restart: 3,
  kill: 4,
  power: 5,
  "kill while starting": 2,
  "power while starting": 2,
  "cut connections": 2,
  "slow disk": 2,
  "full disk": 2,
  "EIO append": 1,
  "EIO sync": 2,
  "EIO read": 2,
  "EIO elsewhere": 1,
  "flip log": 5,
  "flip index": 3,
  "flip checkpoint": 3,
  "clock jump": 1,
};

/** Does to one run what its seed says. */
export class Nemesis {
  readonly #world: World;
  readonly #machine: Machine;
  readonly #faults: DiskFaults;
  readonly #random: Random;
  readonly #bag: readonly FaultName[];
  readonly counts = new Map<FaultName, number>();

  constructor({ world, machine, faults }: Scene, withDamage: boolean) {
    this.#world = world;
    this.#machine = machine;
    this.#faults = faults;
    this.#random = world.fork("nemesis");
    this.#bag = faultNames
      .filter((name) => withDamage || !name.startsWith("flip"))
      .flatMap((name) => Array.from({ length: weights[name] }, () => name));
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      await this.#world.sleep(drawBetween(this.#random, pauseMsMin, pauseMsMax));
      if (this.#world.isEnding) return;
      const name = drawOf(this.#random, this.#bag);
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
      this.#world.record({ kind: "fault", fault: name });
      this.#world.tell("nemesis", name);
      await this.#do(name);
    }
  }

  /** Ends all faults; the broker is started anew where one may have stopped a partition. */
  async heal(): Promise<void> {
    this.#faults.heal();
    const machine = this.#machine;
    machine.disk.capacityBytes = Infinity;
    this.#world.tell("nemesis", "heal");
    if (machine.process !== undefined && this.#faults.metCount === 0) return;
    if (drawOneIn(this.#random, 2)) machine.kill();
    else await machine.stop();
    await machine.start();
  }

  async #do(name: FaultName): Promise<void> {
    const machine = this.#machine;
    switch (name) {
      case "restart":
        await machine.stop();
        return await this.#startAgain();
      case "kill":
        machine.kill();
        return await this.#startAgain();
      case "power":
        this.#cutPower();
        return await this.#startAgain();
      case "kill while starting":
      case "power while starting":
        return await this.#dieStarting(name.startsWith("power"));
      case "cut connections":
        return machine.process?.cutConnections();
      case "slow disk":
        return await this.#slowDown();
      case "full disk":
        return await this.#fill();
      case "clock jump":
        machine.skewMs = drawBetween(this.#random, -5_000, 5_000);
        return undefined;
      default:
        return await this.#harm(name);
    }
  }

  async #harm(name: FaultName): Promise<void> {
    const count = drawBetween(this.#random, 1, 3);
    switch (name) {
      case "EIO append":
        this.#faults.fail(["append"], ".log", count);
        break;
      case "EIO sync":
        this.#faults.fail(["sync"], ".log", count);
        break;
      case "EIO read":
        return this.#faults.fail(["read", "readFile", "list"], "", count);
      case "EIO elsewhere": {
        const operations = ["open", "rename", "remove", "syncDirectory", "truncate"] as const;
        this.#faults.fail([drawOf(this.#random, operations)], "", count);
        break;
      }
      case "flip log":
        spoilBatch({ world: this.#world, disk: this.#machine.disk }, this.#random);
        return;
      case "flip checkpoint":
        spoilSideFile(
          { world: this.#world, disk: this.#machine.disk },
          this.#random,
          checkpointPattern,
        );
        return;
      default:
        spoilSideFile({ world: this.#world, disk: this.#machine.disk }, this.#random, indexPattern);
        return;
    }
    // A partition that met an error stays stopped until the broker is started again.
    await this.#world.sleep(drawBetween(this.#random, 500, 4_000));
    const end = drawOf(this.#random, ["kill", "power", "restart"] as const);
    if (end === "kill") this.#machine.kill();
    else if (end === "power") this.#cutPower();
    else await this.#machine.stop();
    await this.#startAgain();
  }

  async #startAgain(): Promise<void> {
    await this.#world.sleep(drawBetween(this.#random, 0, downMsMax));
    await this.#machine.start();
  }

  #cutPower(): void {
    this.#world.record({ kind: "unsyncedLost" });
    this.#machine.cutPower();
  }

  async #dieStarting(isPower: boolean): Promise<void> {
    const machine = this.#machine;
    machine.kill();
    const starting = machine.start();
    await this.#world.sleep(drawBetween(this.#random, 0, 400) / 10);
    if (isPower) this.#cutPower();
    else machine.kill();
    await starting;
    await this.#startAgain();
  }

  async #slowDown(): Promise<void> {
    this.#faults.slowDown(drawOf(this.#random, [50, 500, 3_000]));
    await this.#world.sleep(drawBetween(this.#random, 1_000, 6_000));
    this.#faults.slowDown(0);
  }

  async #fill(): Promise<void> {
    const machine = this.#machine;
    machine.disk.capacityBytes = machine.disk.usedBytes + drawBetween(this.#random, 0, 3_000);
    await this.#world.sleep(drawBetween(this.#random, 1_000, 6_000));
    machine.disk.capacityBytes = Infinity;
  }
}
