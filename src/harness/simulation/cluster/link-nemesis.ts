import { drawBetween, drawOf, drawOneIn } from "../../../simulation/draw.ts";
import type { PathRule } from "../../../simulation/simulated-stream.ts";
import type { ClusterScene } from "./cluster-scene.ts";
import { FaultBag } from "./fault-bag.ts";

const pauseMsMin = 2_000;
const pauseMsMax = 9_000;
const brokenMsMin = 300;
const brokenMsMax = 9_000;

type Scene = Pick<ClusterScene, "world" | "network" | "nodes">;

/** What befalls the links between nodes. */
export class LinkNemesis {
  readonly #scene: Scene;
  readonly #bag: FaultBag;

  constructor(scene: Scene, name: string, counts: Map<string, number>) {
    this.#scene = scene;
    const options = { name, pauseMsMin, pauseMsMax, counts };
    this.#bag = new FaultBag(scene.world, options, {
      "partition of a pair": { weight: 3, happen: () => this.#part(this.#pair(), true) },
      "one way blocked": { weight: 3, happen: () => this.#part(this.#pair(), false) },
      "isolated node": { weight: 2, happen: () => this.#isolate() },
      "cut link": { weight: 2, happen: () => this.#scene.network.cut(...this.#pair()) },
      "slow link": { weight: 3, happen: () => this.#slowDown() },
    });
  }

  run(): Promise<void> {
    return this.#bag.run();
  }

  heal(): void {
    const { network } = this.#scene;
    for (const [one, other] of this.#ways()) {
      network.unblock(one, other);
      network.shape(one, other);
    }
  }

  async #part([one, other]: [number, number], isBothWays: boolean): Promise<void> {
    const { network } = this.#scene;
    network.block(one, other);
    if (isBothWays) network.block(other, one);
    await this.#wait();
    // Routes that were lost for long have connections reset as often as not.
    if (drawOneIn(this.#bag.random, 2)) network.cut(one, other);
    network.unblock(one, other);
    network.unblock(other, one);
  }

  async #isolate(): Promise<void> {
    const { network, nodes } = this.#scene;
    const { id } = drawOf(this.#bag.random, nodes);
    const ways = this.#ways().filter(([one, other]) => one === id || other === id);
    for (const way of ways) network.block(...way);
    await this.#wait();
    for (const way of ways) network.unblock(...way);
  }

  async #slowDown(): Promise<void> {
    const [one, other] = this.#pair();
    const { random } = this.#bag;
    const delayMsMax = drawOf(random, [40, 300, 900]);
    const rule: PathRule = {
      delayMsMin: drawBetween(random, 0, delayMsMax / 2),
      delayMsMax,
      bytesPerMs: drawOf(random, [2, 50, 1_000]),
    };
    this.#scene.network.shape(one, other, rule);
    if (drawOneIn(random, 2)) this.#scene.network.shape(other, one, rule);
    await this.#wait();
    this.#scene.network.shape(one, other);
    this.#scene.network.shape(other, one);
  }

  #pair(): [number, number] {
    return drawOf(this.#bag.random, this.#ways());
  }

  #ways(): [number, number][] {
    const ids = this.#scene.nodes.map(({ id }) => id);
    return ids.flatMap((one) =>
      ids.filter((other) => other !== one).map((other): [number, number] => [one, other]),
    );
  }

  #wait(): Promise<void> {
    return this.#scene.world.sleep(drawBetween(this.#bag.random, brokenMsMin, brokenMsMax));
  }
}
