import { expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { XylemError } from "../../../base/errors.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { canHold } from "../../../replication/placement/seat.ts";
import type { ClusterAdministration } from "./cluster-administration.ts";
import type { ClusterStatus } from "./cluster-orders.ts";

/** Of this many writes of the coordinator one has no outcome that anybody knows. */
const unknownOneIn = 15;
const ids = [1, 2, 3, 4];
const live = { movesAtOnce: 3, acceptsLoss: false };

/** Nodes of which one may be dead, and what people ask of them in disorder. */
class Disorder {
  readonly #faults = { delayMsMax: 20, watchDelayMsMax: 200, lostOneIn: 15, unknownOneIn: 0 };
  readonly world = new ClusterWorld(2, this.#faults);
  readonly outcomes = new Map<string, number>();
  readonly #random: SeededRandom;
  #dead: number | undefined;
  #planId = "";

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  async begin(): Promise<void> {
    const { world } = this;
    await world.drive(Promise.all([1, 2].map((id) => world.start(id))));
    while (world.node(1).cluster.image.nodes.length < 2) await world.tick(100);
    await world.drive(world.create(1, "orders", { partitions: 24, replicas: 2 }));
    await world.drive(Promise.all([3, 4].map((id) => world.start(id))));
    this.#faults.unknownOneIn = unknownOneIn;
  }

  /** Plans that people were told of. */
  get committed(): number {
    return (this.outcomes.get("1 done") ?? 0) + (this.outcomes.get("2 done") ?? 0);
  }

  at(id: number): ClusterAdministration {
    return this.world.node(id).broker.administration as ClusterAdministration;
  }

  get alive(): number[] {
    return ids.filter((id) => id !== this.#dead);
  }

  /** A refusal is as good an answer as another. */
  async round(): Promise<void> {
    const draw = (count: number): number => this.#random.nextUint32() % count;
    const at = this.at(this.alive[draw(this.alive.length)] as number);
    const node = ids[draw(ids.length)] as number;
    const asks = [
      async () => void (this.#planId = (await at.draft({ replicasMin: draw(4) })).planId),
      () => at.commit({ ...live, planId: this.#planId }),
      async () => {
        this.#planId = (await at.draft({ replicasMin: draw(4) })).planId;
        await at.commit({ ...live, planId: this.#planId });
      },
      () => at.steer("paused"),
      () => at.steer("running"),
      () => at.steer("cancelled"),
      () => at.changeSeat(node, { seat: "leaving" }),
      () => at.changeSeat(node, { seat: "joining" }),
      () => at.changeSeat(node, { weight: 1 + draw(3) }),
      () => this.#dieOrReturn(node),
    ];
    const asked = this.outcomes.size === 0 ? 2 : draw(asks.length);
    const outcome = await this.world.drive(outcomeOf(asks[asked]));
    const name = `${asked} ${outcome}`;
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1);
    await this.world.tick(100 + draw(1_500));
  }

  async #dieOrReturn(node: number): Promise<void> {
    if (this.#dead === undefined) {
      this.#dead = node;
      this.world.node(node).crash();
      return;
    }
    await this.revive();
  }

  async revive(): Promise<void> {
    const dead = this.#dead;
    if (dead === undefined) return;
    this.#faults.unknownOneIn = 0;
    await this.world.start(dead, {}, this.world.node(dead).disk);
    this.#faults.unknownOneIn = unknownOneIn;
    this.#dead = undefined;
  }

  /** Asked until there is an answer: a controller may be lost at any time. */
  async settle<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
    for (let step = 0; step < 300; step += 1) {
      const answer = await this.world.drive(ask().catch(unlessRefused));
      if (answer !== undefined && holds(answer as T)) return answer as T;
      await this.world.tick(500);
    }
    throw new Error(`never: ${String(ask)}, ${JSON.stringify(await this.at(1).status())}`);
  }
}

async function outcomeOf(ask?: () => Promise<unknown>): Promise<string> {
  try {
    await ask?.();
    return "done";
  } catch (error) {
    if (error instanceof XylemError) return error.code;
    throw error;
  }
}

function unlessRefused(error: unknown): undefined {
  if (!(error instanceof XylemError)) throw error;
}

const isIdle = ({ plan }: ClusterStatus): boolean =>
  plan === null || plan.state === "done" || plan.waiting + plan.running === 0;

test.each(Array.from({ length: 6 }, (_, seed) => seed + 1))(
  "whatever people ask while nodes die, a plan ends with all that it said: seed %i",
  async (seed) => {
    const disorder = new Disorder(seed);
    const { world } = disorder;
    await disorder.begin();
    for (let round = 0; round < 40; round += 1) await disorder.round();
    expect(disorder.committed, JSON.stringify([...disorder.outcomes])).toBeGreaterThan(0);
    await world.drive(disorder.revive());
    await disorder.settle(async () => {
      // One that was paused never ends by itself.
      await disorder.at(1).steer("cancelled").catch(unlessRefused);
      return await disorder.at(1).status();
    }, isIdle);
    const at = disorder.at(2);
    await disorder.settle(
      async () => {
        const { planId } = await at.draft({ replicasMin: 2 });
        return await at.commit({ ...live, planId });
      },
      () => true,
    );
    await disorder.settle(
      () => at.status(),
      ({ plan }) => plan?.state === "done",
    );
    const { cluster } = world.node(3);
    const holding = cluster.image.seats.filter(canHold).map(({ id }) => id);
    expect(cluster.image.chains.size).toBe(24);
    for (const { config } of cluster.image.chains.values()) {
      expect(config.target).toBeUndefined();
      expect(config.replicas.length).toBeGreaterThanOrEqual(Math.min(2, holding.length));
      for (const id of config.replicas) expect(holding).toContain(id);
    }
    await disorder.settle(
      () => world.coordinator.read("plan/"),
      ({ entries }) => entries.length === 0,
    );
    await world.drive(world.close());
  },
);
