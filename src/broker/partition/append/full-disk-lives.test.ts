import fc from "fast-check";
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import {
  batchOf,
  committed,
  type LogWorld,
  openWorld,
  readValues,
} from "../../../../test/support/log-directory.ts";
import { XylemError } from "../../../base/errors.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import type { Partition } from "../partition.ts";

const full = new XylemError("DISK_FULL", "writing: the disk is full");
const takingSpace = new Set(["append", "open", "makeDirectory", "rename"]);
const refusals = new Set(["DISK_FULL", "OUT_OF_ORDER_SEQUENCE_NUMBER"]);
const producers = [0, 1, 2];
const triesMax = 60;

/** Idempotent producers that keep sending what is not acknowledged, in order, several at once. */
class Lives {
  readonly #random: SeededRandom;
  readonly #settings: { "internal.segment.bytes": number };
  #disk = new SimulatedDisk();
  #world: LogWorld | undefined;
  #partition: Partition | undefined;
  /** What each producer sends next. */
  readonly #sequences = producers.map(() => 0);
  readonly #acknowledged = new Set<string>();

  constructor(seed: number, segmentBytes: number) {
    this.#random = new SeededRandom(seed);
    this.#settings = { "internal.segment.bytes": segmentBytes };
  }

  async live(): Promise<void> {
    this.#world = await openWorld(this.#disk);
    this.#partition = await this.#world.open("orders", this.#settings);
    await this.#check(this.#partition);
    this.#disk.fault = (operation) => {
      if (takingSpace.has(operation) && this.#chance(12)) throw full;
      if (this.#chance(3)) return new Promise((resolve) => setImmediate(resolve));
      return undefined;
    };
    for (let step = 0; step < 12; step += 1) {
      await Promise.all(producers.map((producer) => this.#send(producer)));
      // On a full disk it fails, and the next one comes.
      if (this.#chance(4)) await this.#world.directory.checkpoint().catch(() => undefined);
    }
    this.#disk.fault = () => undefined;
  }

  async end(): Promise<void> {
    if (this.#chance(3)) await this.#world?.directory.close();
    else if (this.#chance(2)) this.#disk = this.#disk.afterKill();
    else this.#disk = this.#disk.afterPowerCut(this.#random);
  }

  async #check(partition: Partition): Promise<void> {
    const values = await readValues(partition);
    for (const producer of producers) {
      const own = values.filter((value) => value.startsWith(`${producer}:`));
      expect(own).toEqual(own.map((_, index) => `${producer}:${index}`));
      // Stored though nobody was told: it is not sent again.
      this.#sequences[producer] = own.length;
    }
    expect(values).toEqual(expect.arrayContaining([...this.#acknowledged]));
  }

  async #send(producer: number): Promise<void> {
    const first = this.#sequences[producer] as number;
    const waiting = Array.from({ length: 1 + this.#below(3) }, (_, index) => first + index);
    for (let tries = 0; waiting.length > 0 && tries < triesMax; tries += 1) {
      const results = await Promise.all(waiting.map((at) => this.#sendOne(producer, at)));
      for (; results[0] === true; results.shift()) {
        this.#acknowledged.add(`${producer}:${waiting.shift()}`);
      }
      // What follows on a refused batch is refused too.
      expect(results).not.toContain(true);
    }
    this.#sequences[producer] = waiting[0] ?? first + this.#countSent(first, producer);
  }

  #countSent(first: number, producer: number): number {
    let count = 0;
    while (this.#acknowledged.has(`${producer}:${first + count}`)) count += 1;
    return count;
  }

  async #sendOne(producer: number, baseSequence: number): Promise<boolean> {
    const partition = this.#partition as Partition;
    const head = { producerId: producer + 1, producerEpoch: 0, baseSequence };
    const batch = batchOf([`${producer}:${baseSequence}`], head);
    try {
      await committed(partition, partition.append(batch, { origin: "client" }).lastOffset + 1);
      return true;
    } catch (error) {
      if (error instanceof XylemError && refusals.has(error.code)) return false;
      throw error;
    }
  }

  #chance(of: number): boolean {
    return this.#below(of) === 0;
  }

  #below(bound: number): number {
    return this.#random.nextUint32() % bound;
  }
}

test("retries on a disk that fills up lose, repeat and reorder nothing", async () => {
  const segments = fc.constantFrom(150, 400, 5_000);
  const check = fc.asyncProperty(fc.nat(), segments, async (seed, segmentBytes) => {
    const lives = new Lives(seed, segmentBytes);
    for (let life = 0; life < 4; life += 1) {
      await lives.live();
      await lives.end();
    }
  });
  await fc.assert(check, { numRuns: 40 });
});
