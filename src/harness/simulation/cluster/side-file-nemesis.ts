import type { Random } from "../../../base/random.ts";
import { drawBetween, drawOf } from "../../../simulation/draw.ts";
import type { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { checkpointPattern, indexPattern, spoilSideFile } from "../spoil.ts";
import type { World } from "../world.ts";
import type { ChainWatch } from "./chain-watch.ts";
import { FaultBag } from "./fault-bag.ts";
import type { NodeNemesis } from "./node-nemesis.ts";
import { areOvertaken, isOfAnother, metadataPattern } from "./older-files.ts";
import type { SimulatedNode } from "./simulated-node.ts";

const pauseMsMin = 6_000;
const pauseMsMax = 40_000;
const pageBytes = 512;

/** What is made from a log, or lies there twice: without it nothing is lost. */
const derived = [indexPattern, checkpointPattern];
/** Without these a node knows not what it had: to its chains it is one that comes back empty. */
const precious = [/^xylem\.lineages$/, metadataPattern];
/**
 * Never older than they were. Epochs are flushed before the first record of one is written, and
 * recovery takes a last batch of an epoch that it does not know for one that a crash tore. Log
 * starts are flushed before a deletion is answered for, and stand nowhere else.
 */
const neverOlder = /[/]leader-epoch-checkpoint$|log-start-offset/;

export interface SideFileNemesisParts {
  readonly world: World;
  readonly counts: Map<string, number>;
  /** Of the same node. */
  readonly nemesis: NodeNemesis;
  readonly chains: Pick<ChainWatch, "partitionIn">;
}

/** What befalls the files beside the logs of one node, which dies and finds them so. */
export class SideFileNemesis {
  readonly #world: World;
  readonly #node: SimulatedNode;
  readonly #nemesis: NodeNemesis;
  readonly #chains: Pick<ChainWatch, "partitionIn">;
  readonly #bag: FaultBag;
  readonly #random: Random;

  constructor(node: SimulatedNode, { world, counts, nemesis, chains }: SideFileNemesisParts) {
    this.#world = world;
    this.#node = node;
    this.#nemesis = nemesis;
    this.#chains = chains;
    const options = { name: `${node.name} side files`, pauseMsMin, pauseMsMax, counts };
    this.#bag = new FaultBag(world, options, {
      "side file rots": { weight: 2, happen: () => this.#spoil() },
      "side file lost": { weight: 2, happen: () => this.#lose() },
      "zero page in a side file": { weight: 1, happen: () => this.#blank() },
      "older side file": { weight: 3, happen: () => this.#bringBack() },
    });
    this.#random = this.#bag.random;
  }

  run(): Promise<void> {
    return this.#bag.run();
  }

  async #spoil(): Promise<void> {
    await this.#die((disk, pattern) => {
      spoilSideFile({ world: this.#world, disk }, this.#random, pattern);
    });
  }

  async #lose(): Promise<void> {
    await this.#die((disk, pattern) => {
      const path = this.#drawPath(disk, pattern);
      if (path !== undefined) this.#change(`loses ${path}`, () => disk.drop(path));
    });
  }

  async #blank(): Promise<void> {
    await this.#die((disk, pattern) => {
      const path = this.#drawPath(disk, pattern);
      if (path === undefined) return;
      const bytes = disk.peek(path);
      const page = drawBetween(this.#random, 0, Math.floor((bytes.length - 1) / pageBytes));
      const from = page * pageBytes;
      const zeros = new Uint8Array(Math.min(pageBytes, bytes.length - from));
      this.#change(`${path} is blank from ${from}`, () => disk.spoil(path, from, zeros));
    });
  }

  /** All of one kind are as they were a while ago, on the same disk. */
  async #bringBack(): Promise<void> {
    const { machine } = this.#node;
    const { wipeCount } = machine;
    const isOfTopic = (folder: string): boolean => this.#chains.partitionIn(folder) !== undefined;
    const copies = copiesOf(machine.disk);
    await this.#world.sleep(drawBetween(this.#random, 500, 9_000));
    await this.#die((disk, pattern) => {
      if (machine.wipeCount !== wipeCount) return;
      const isOvertaken = pattern === checkpointPattern && areOvertaken(copies, disk, isOfTopic);
      for (const path of isOvertaken ? [] : disk.paths()) {
        const bytes = copies.get(path);
        if (bytes === undefined || !pattern.test(path) || neverOlder.test(path)) continue;
        if (isOfAnother(path, bytes, disk)) continue;
        this.#change(`${path} is as it was`, () => disk.poke(path, bytes));
      }
    });
  }

  /** The node is killed; what is done to its files is done before it starts again. */
  async #die(harm: (disk: SimulatedDisk, pattern: RegExp) => void): Promise<void> {
    const pattern = drawOf(this.#random, [...derived, ...derived, ...precious]);
    const isPrecious = precious.includes(pattern);
    if (isPrecious && !this.#nemesis.mayLoseDisk()) return;
    await this.#nemesis.die("kill", () => {
      if (isPrecious) this.#nemesis.noteLost();
      harm(this.#node.machine.disk, pattern);
    });
  }

  #drawPath(disk: SimulatedDisk, pattern: RegExp): string | undefined {
    const paths = disk.paths().filter((path) => pattern.test(path) && disk.peek(path).length > 0);
    return paths.length === 0 ? undefined : drawOf(this.#random, paths);
  }

  #change(what: string, change: () => void): void {
    this.#world.tell("nemesis", `${this.#node.name}: ${what}`);
    change();
  }
}

function copiesOf(disk: SimulatedDisk): ReadonlyMap<string, Uint8Array> {
  const patterns = [...derived, ...precious];
  const paths = disk.paths().filter((path) => patterns.some((pattern) => pattern.test(path)));
  return new Map(paths.map((path) => [path, disk.peek(path)]));
}
