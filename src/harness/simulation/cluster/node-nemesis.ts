import type { Random } from "../../../base/random.ts";
import { Cancellation } from "../../../broker/ports/compactor.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import type { DiskOperation } from "../../../simulation/simulated-disk.ts";
import { drawBetween, drawOf } from "../../../simulation/draw.ts";
import type { World } from "../world.ts";
import type { ChainWatch } from "./chain-watch.ts";
import { type Fault, FaultBag } from "./fault-bag.ts";
import type { SimulatedNode } from "./simulated-node.ts";

export interface NodeNemesisParts {
  readonly world: World;
  readonly chains: ChainWatch;
  readonly counts: Map<string, number>;
}

const pauseMsMin = 5_000;
const pauseMsMax = 20_000;
const downMsMax = 4_000;
/** Bytes of a batch before those that its sum is of, and the sum itself. */
const summedFrom = 21;
const logPath = /^[^/]+-\d+[/]\d{20}[.]log$/;

/** What befalls one machine and the processes on it. */
export class NodeNemesis {
  readonly #parts: NodeNemesisParts;
  readonly #node: SimulatedNode;
  readonly #bag: FaultBag;
  readonly #random: Random;

  constructor(node: SimulatedNode, parts: NodeNemesisParts) {
    this.#node = node;
    this.#parts = parts;
    const { counts } = parts;
    const options = { name: node.name, pauseMsMin, pauseMsMax, counts };
    this.#bag = new FaultBag(parts.world, options, this.#faults());
    this.#random = this.#bag.random;
  }

  run(): Promise<void> {
    return this.#bag.run();
  }

  /** As `kill -9`, or a lost power supply; also from elsewhere, for several nodes at once. */
  async die(how: "kill" | "power", whileDown = (): void => undefined): Promise<void> {
    if (how === "kill") this.#node.machine.kill();
    else this.#cutPower();
    whileDown();
    // It may have been shut while no process was there, which would reset it as it dies.
    this.#node.gate.reset();
    await this.#startAgain();
  }

  /** Whether the others have all that counts. */
  mayLoseDisk(): boolean {
    return !this.#parts.chains.dependOn(this.#node.id);
  }

  /** Ends all faults; the node is started anew where it may have stopped a partition. */
  async heal(): Promise<void> {
    const { faults, gate, machine } = this.#node;
    faults.heal();
    gate.open();
    this.#node.reach();
    machine.disk.capacityBytes = Infinity;
    if (machine.process !== undefined && faults.metCount === 0) return;
    machine.kill();
    await machine.start();
  }

  #faults(): Readonly<Record<string, Fault>> {
    const { machine } = this.#node;
    return {
      restart: { weight: 3, happen: () => this.#restart() },
      kill: { weight: 4, happen: () => this.die("kill") },
      power: { weight: 4, happen: () => this.die("power") },
      "kill while starting": { weight: 1, happen: () => this.#dieStarting("kill") },
      "power while starting": { weight: 1, happen: () => this.#dieStarting("power") },
      "pause past the lease": { weight: 4, happen: () => this.#stall(2_200, 9_000) },
      "stalled loop": { weight: 3, happen: () => this.#stall(100, 2_000) },
      "pause, then kill": { weight: 1, happen: () => this.#stallAndDie() },
      "cut connections": { weight: 2, happen: () => machine.process?.cutConnections() },
      "wiped disk": { weight: 2, happen: () => this.#wipe() },
      rot: { weight: 2, happen: () => this.#rot() },
      "slow disk": { weight: 2, happen: () => this.#slowDown() },
      "full disk": { weight: 2, happen: () => this.#fill() },
      "EIO append": { weight: 1, happen: () => this.#fail(["append"], ".log") },
      "EIO sync": { weight: 1, happen: () => this.#fail(["sync"], ".log") },
      "EIO read": { weight: 1, happen: () => this.#fail(["read", "readFile", "list"], "") },
      "EIO elsewhere": {
        weight: 1,
        happen: () => this.#fail(["open", "rename", "remove", "syncDirectory", "truncate"], ""),
      },
      "clock jump": {
        weight: 1,
        happen: () => void (machine.skewMs = drawBetween(this.#random, -5_000, 5_000)),
      },
      "clock strobe": { weight: 1, happen: () => this.#strobe() },
    };
  }

  async #restart(): Promise<void> {
    const { machine } = this.#node;
    if (machine.process === undefined) machine.kill();
    else await machine.stop();
    await this.#startAgain();
  }

  async #startAgain(): Promise<void> {
    await this.#rest(0, downMsMax);
    await this.#node.machine.start();
  }

  #cutPower(): void {
    this.#parts.world.record({ kind: "unsyncedLost", ...this.#life });
    this.#node.machine.cutPower();
  }

  async #dieStarting(how: "kill" | "power"): Promise<void> {
    const { machine } = this.#node;
    machine.kill();
    const starting = machine.start();
    await this.#rest(0, 400);
    const dying = this.die(how);
    await starting;
    await dying;
  }

  async #stall(msMin: number, msMax: number): Promise<void> {
    this.#node.gate.shut();
    await this.#rest(msMin, msMax);
    this.#node.gate.open();
  }

  async #stallAndDie(): Promise<void> {
    this.#node.gate.shut();
    await this.#rest(500, 4_000);
    await this.die("kill");
  }

  /** Only where nothing would be lost with it: the others have all that counts. */
  async #wipe(): Promise<void> {
    const { machine } = this.#node;
    if (!this.mayLoseDisk()) return;
    this.noteLost();
    machine.wipe();
    await this.#startAgain();
  }

  async #rot(): Promise<void> {
    const scrubbing = this.#node.machine.process?.broker?.scrubbing;
    if (scrubbing === undefined || !this.flipBit()) return;
    // Somebody reads it soon, or the node dies of something else before.
    const watch = { cancellation: new Cancellation(), progress: () => undefined };
    scrubbing.run(undefined, watch).catch(() => undefined);
    await this.#rest(2_000, 10_000);
  }

  /** In one of its logs, where others have all of it that counts. Answers whether there is one. */
  flipBit(): boolean {
    const { id: nodeId, machine } = this.#node;
    const { chains } = this.#parts;
    const { disk } = machine;
    const logs = disk.paths().filter((path) => logPath.test(path) && disk.peek(path).length > 0);
    if (logs.length === 0) return false;
    const path = drawOf(this.#random, logs);
    const partition = chains.partitionIn(path.slice(0, path.indexOf("/")));
    if (partition === undefined || chains.dependOn(nodeId, partition)) return false;
    const place = this.#drawSummed(disk.peek(path));
    const bit = drawBetween(this.#random, 0, 7);
    chains.rots.flip({ partition, nodeId, machine, path, ...place }, bit);
    return true;
  }

  /** What it had counts no more, for all that the checkers know. */
  noteLost(): void {
    this.#parts.world.record({ kind: "diskLost", ...this.#life });
  }

  get #life(): { readonly nodeId: number; readonly incarnation?: string } {
    const { id: nodeId, incarnation } = this.#node;
    return incarnation === undefined ? { nodeId } : { nodeId, incarnation };
  }

  /** Where a batch's sum covers it: what it does not is copied to who joins, rot and all. */
  #drawSummed(bytes: Uint8Array): { position: number; lastOffset: number } {
    const batches: { from: number; to: number; lastOffset: number }[] = [];
    for (const walk = new BatchWalk(bytes, 0, 0); walk.look() === "batch"; walk.advance()) {
      const { position, sizeBytes, lastOffset } = walk;
      batches.push({ from: position + summedFrom, to: position + sizeBytes - 1, lastOffset });
    }
    if (batches.length === 0) return { position: bytes.length - 1, lastOffset: -1 };
    const { from, to, lastOffset } = drawOf(this.#random, batches);
    return { position: drawBetween(this.#random, from, to), lastOffset };
  }

  async #slowDown(): Promise<void> {
    this.#node.faults.slowDown(drawOf(this.#random, [50, 500, 3_000]));
    await this.#rest(1_000, 6_000);
    this.#node.faults.slowDown(0);
  }

  async #fill(): Promise<void> {
    const { disk } = this.#node.machine;
    disk.capacityBytes = disk.usedBytes + drawBetween(this.#random, 0, 3_000);
    await this.#rest(1_000, 6_000);
    this.#node.machine.disk.capacityBytes = Infinity;
  }

  /** A partition that met an error stays stopped until the broker is started again. */
  async #fail(operations: readonly DiskOperation[], suffix: string): Promise<void> {
    const own = operations.length > 3 ? [drawOf(this.#random, operations)] : operations;
    this.#node.faults.fail(own, suffix, drawBetween(this.#random, 1, 3));
    await this.#rest(500, 6_000);
    const end = drawOf(this.#random, ["kill", "power", "restart"] as const);
    if (end === "restart") await this.#restart();
    else await this.die(end);
  }

  async #strobe(): Promise<void> {
    const { machine } = this.#node;
    for (let left = 10; left > 0; left -= 1) {
      machine.skewMs = drawBetween(this.#random, -4_000, 4_000);
      await this.#rest(50, 300);
    }
    machine.skewMs = 0;
  }

  #rest(msMin: number, msMax: number): Promise<void> {
    return this.#parts.world.sleep(drawBetween(this.#random, msMin, msMax));
  }
}
