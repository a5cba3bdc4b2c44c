import { drawBetween, drawOf } from "../../../simulation/draw.ts";
import { type ClusterScene, quietCoordinator } from "./cluster-scene.ts";
import { FaultBag } from "./fault-bag.ts";

const pauseMsMin = 3_000;
const pauseMsMax = 12_000;

type Scene = Pick<ClusterScene, "world" | "store" | "nodes" | "coordinatorFaults">;

/** What befalls the coordinator, and the ways to it. */
export class CoordinatorNemesis {
  readonly #scene: Scene;
  readonly #bag: FaultBag;

  constructor(scene: Scene, counts: Map<string, number>) {
    this.#scene = scene;
    const { coordinatorFaults: faults } = scene;
    const options = { name: "coordinator", pauseMsMin, pauseMsMax, counts };
    this.#bag = new FaultBag(scene.world, options, {
      "node cut off the coordinator": { weight: 4, happen: () => this.#cutOff(1) },
      "two nodes cut off the coordinator": { weight: 1, happen: () => this.#cutOff(2) },
      "lease storm": { weight: 1, happen: () => this.#cutOff(scene.nodes.length) },
      "coordinator without quorum": { weight: 3, happen: () => this.#loseQuorum() },
      "compacted watches": { weight: 2, happen: () => this.#compact() },
      "slow coordinator": {
        weight: 2,
        happen: () => this.#shape(() => (faults.delayMsMax = drawOf(this.#bag.random, [60, 700]))),
      },
      "late watches": {
        weight: 3,
        happen: () => this.#shape(() => (faults.watchDelayMsMax = 1_500)),
      },
      "lost answers": {
        weight: 2,
        happen: () => this.#shape(() => (faults.lostOneIn = drawOf(this.#bag.random, [3, 10]))),
      },
      "unknown outcomes": { weight: 2, happen: () => this.#shape(() => (faults.unknownOneIn = 3)) },
    });
  }

  run(): Promise<void> {
    return this.#bag.run();
  }

  heal(): void {
    Object.assign(this.#scene.coordinatorFaults, quietCoordinator);
    this.#scene.store.setAvailable(true);
    for (const node of this.#scene.nodes) node.reach();
  }

  async #cutOff(count: number): Promise<void> {
    const { nodes } = this.#scene;
    const first = drawBetween(this.#bag.random, 0, nodes.length - 1);
    const chosen = nodes.filter((_, at) => (at - first + nodes.length) % nodes.length < count);
    for (const node of chosen) node.cutOff();
    await this.#wait();
    for (const node of chosen) node.reach();
  }

  async #loseQuorum(): Promise<void> {
    const { store } = this.#scene;
    store.setAvailable(false);
    await this.#wait();
    store.setAvailable(true);
  }

  /** Watches that are behind at that moment have to read again. */
  async #compact(): Promise<void> {
    const { coordinatorFaults: faults, store } = this.#scene;
    faults.watchDelayMsMax = 1_000;
    for (let left = 5; left > 0; left -= 1) {
      await this.#scene.world.sleep(drawBetween(this.#bag.random, 50, 800));
      store.compact();
    }
    faults.watchDelayMsMax = quietCoordinator.watchDelayMsMax;
  }

  async #shape(change: () => unknown): Promise<void> {
    change();
    await this.#wait();
    Object.assign(this.#scene.coordinatorFaults, quietCoordinator);
  }

  #wait(): Promise<void> {
    return this.#scene.world.sleep(drawBetween(this.#bag.random, 300, 7_000));
  }
}
