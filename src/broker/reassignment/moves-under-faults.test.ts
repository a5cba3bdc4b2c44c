import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../test/support/cluster-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import { isLongRun } from "../../../test/support/repository.ts";
import { XylemError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import type { PlacedPartition } from "../cluster/replicas/placed-partition.ts";
import { alterReassignment } from "./alter-reassignment.ts";
import { electLeaders } from "./elect-leaders.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const ids = [1, 2, 3, 4];
const stepsMax = 60;
const partitionCount = 2;

/** Moves, elections, deaths and returns as a seed says, while records are appended. */
class Campaign {
  readonly #random: SeededRandom;
  /** By partition. */
  readonly acknowledged = Array.from({ length: partitionCount }, (): string[] => []);
  readonly done = { moves: 0, cancels: 0, elections: 0, deaths: 0 };
  #sent = 0;
  #down: number | undefined;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  #below(count: number): number {
    return this.#random.nextUint32() % count;
  }

  /** A node that is up. */
  #anyNode(): number {
    const up = ids.filter((id) => id !== this.#down);
    return up[this.#below(up.length)] as number;
  }

  async run(): Promise<void> {
    for (let step = 0; step < stepsMax; step += 1) {
      for (let partition = 0; partition < partitionCount; partition += 1) {
        await this.#append(partition);
      }
      const choice = this.#below(10);
      if (choice < 3) await this.#move();
      else if (choice === 3) await this.#elect();
      else if (choice === 4) await this.#crash();
      else if (choice === 5) await this.recover();
      await world.tick(100 + this.#below(1_000));
    }
  }

  async #append(partition: number): Promise<void> {
    const at = headOf(
      partition,
      ids.filter((id) => id !== this.#down),
    );
    if (at === undefined) return;
    const value = `v${String((this.#sent += 1)).padStart(6, "0")}`;
    const asked = { index: partition, timeoutMs: 500 };
    const { error } = await world.send(at, "orders", batchOf([value]), asked);
    if (error === undefined) this.acknowledged[partition]?.push(value);
  }

  async #move(): Promise<void> {
    const shuffled = ids
      .map((id) => ({ id, order: this.#random.nextUint32() }))
      .sort((one, other) => one.order - other.order)
      .map(({ id }) => id);
    const replicas = this.#below(4) === 0 ? null : shuffled.slice(0, 1 + this.#below(3));
    const ask = { topic: "orders", partition: this.#below(partitionCount), replicas };
    const { broker } = world.node(this.#anyNode());
    try {
      await world.drive(alterReassignment(broker, { ...ask, mayResize: true }));
      this.done[replicas === null ? "cancels" : "moves"] += 1;
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      expect(["NO_REASSIGNMENT_IN_PROGRESS"]).toContain(error.code);
    }
  }

  async #elect(): Promise<void> {
    const ask = { kind: "preferred", partitions: undefined, timeoutMs: 1_000 } as const;
    await world.drive(electLeaders(world.node(this.#anyNode()).broker, ask));
    this.done.elections += 1;
  }

  async #crash(): Promise<void> {
    if (this.#down !== undefined) return;
    this.#down = this.#anyNode();
    const node = world.node(this.#down);
    node.crash();
    // What still runs of it in this process has no disk any more.
    (node.disk as SimulatedDisk).die();
    this.done.deaths += 1;
  }

  async recover(): Promise<void> {
    const id = this.#down;
    if (id === undefined) return;
    const disk = (world.node(id).disk as SimulatedDisk).afterKill(this.#random);
    await world.drive(world.start(id, {}, disk));
    this.#down = undefined;
  }
}

const partitionAt = (id: number, index: number): PlacedPartition =>
  world.node(id).topic("orders")?.partitions[index] as PlacedPartition;

function headOf(index: number, among = ids): number | undefined {
  return among.find((id) => partitionAt(id, index)?.absence === undefined);
}

const chains = (): ChainConfig[] =>
  [...world.node(1).cluster.image.chains.values()].map(({ config }) => config);

async function valuesOf(index: number): Promise<string[]> {
  const head = partitionAt(headOf(index) as number, index);
  await head.load();
  let text = "";
  for (let offset = 0; offset < head.committed;) {
    const limits = { sizeBytesMax: 65_536, wholeFirst: true, upTo: head.committed };
    const { chunks, lease } = await head.read(offset, limits);
    text += Buffer.concat(chunks.map((chunk) => chunk.slice())).toString("latin1");
    lease?.release();
    offset = (text.match(/v\d{6}/g) ?? []).length;
  }
  return text.match(/v\d{6}/g) ?? [];
}

const isAtRest = ({ target, replicas, members }: ChainConfig): boolean =>
  target === undefined &&
  members.length === replicas.length &&
  members.every(({ id }) => replicas.includes(id));

const seeds = Array.from({ length: isLongRun ? 200 : 3 }, (_, at) => at + 1);

test.each(seeds)(
  "what was acknowledged survives moves, elections and deaths: seed %i",
  async (seed) => {
    world = new ClusterWorld(ids.length);
    for (const id of ids) await world.start(id, {}, new SimulatedDisk());
    const assignments = Array.from({ length: partitionCount }, (_, index) => ({
      index,
      replicas: [1 + index, 2 + index],
    }));
    await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
    const campaign = new Campaign(seed);
    await campaign.run();
    await campaign.recover();
    await world.driveUntil("every chain is at rest", () => chains().every(isAtRest));
    for (const [index, acknowledged] of campaign.acknowledged.entries()) {
      await world.driveUntil("there is a head", () => headOf(index) !== undefined);
      const replicas = chains()[index]?.replicas ?? [];
      const logs = (): string[] =>
        replicas.map((id) => {
          const log = partitionAt(id, index).placement.log;
          return `${log?.end} ${log?.committed} ${log?.sizeBytes}`;
        });
      await world.driveUntil("the replicas are equal", () => new Set(logs()).size === 1);
      const values = await valuesOf(index);
      const ofThese = new Set(acknowledged);
      expect(values.filter((value) => ofThese.has(value))).toEqual(acknowledged);
      expect(new Set(values).size).toBe(values.length);
      expect(acknowledged.length).toBeGreaterThan(stepsMax / 4);
    }
    expect(campaign.done.moves).toBeGreaterThan(5);
    expect(campaign.done.elections + campaign.done.deaths).toBeGreaterThan(0);
  },
  60_000,
);
