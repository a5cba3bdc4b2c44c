import type { ClusterScene } from "./cluster-scene.ts";
import { CoordinatorNemesis } from "./coordinator-nemesis.ts";
import { FaultBag } from "./fault-bag.ts";
import { LinkNemesis } from "./link-nemesis.ts";
import { NodeNemesis } from "./node-nemesis.ts";
import { Operator } from "./operator.ts";
import { RestoredCoordinator } from "./restored-coordinator.ts";
import { SideFileNemesis } from "./side-file-nemesis.ts";

/** Does to a whole cluster what its seed says: to each node, each link and the coordinator. */
export class ClusterNemesis {
  readonly counts = new Map<string, number>();
  readonly #scene: ClusterScene;
  readonly #nodes: readonly NodeNemesis[];
  readonly #links: readonly LinkNemesis[];
  readonly #coordinator: CoordinatorNemesis;
  readonly #sideFiles: readonly SideFileNemesis[];
  readonly #operator: Operator | undefined;

  constructor(scene: ClusterScene) {
    const { world, chains } = scene;
    const { counts } = this;
    this.#scene = scene;
    this.#nodes = scene.nodes.map((node) => new NodeNemesis(node, { world, chains, counts }));
    this.#links = ["links", "more links"].map((name) => new LinkNemesis(scene, name, counts));
    this.#coordinator = new CoordinatorNemesis(scene, counts);
    const harmed = scene.play.harmsSideFiles ? scene.nodes : [];
    this.#sideFiles = harmed.map((node, at) => {
      const nemesis = this.#nodes[at] as NodeNemesis;
      return new SideFileNemesis(node, { world, counts, nemesis, chains });
    });
    if (scene.play.hasOperator) this.#operator = new Operator(scene, counts);
  }

  async run(): Promise<void> {
    const { world } = this.#scene;
    const options = { name: "all", pauseMsMin: 15_000, pauseMsMax: 60_000, counts: this.counts };
    const all = new FaultBag(world, options, {
      "power of all": { weight: 1, happen: () => this.#dieTogether("power") },
      "kill of all": { weight: 1, happen: () => this.#dieTogether("kill") },
    });
    const running = [all, this.#coordinator, ...this.#links, ...this.#nodes, ...this.#sideFiles];
    const restored = new RestoredCoordinator(this.#scene, this.counts);
    const others = [restored.run(), this.#startSpares(), this.#operator?.run()];
    await Promise.all([...running.map((one) => one.run()), ...others]);
  }

  /** A node that comes later waits for a plan; what befalls the others may befall it too. */
  async #startSpares(): Promise<void> {
    const { world, nodes, play } = this.#scene;
    for (const { machine } of nodes.slice(play.founderCount)) {
      await world.sleep(play.spareAfterMs);
      await machine.start();
    }
  }

  async heal(): Promise<void> {
    this.#scene.world.tell("nemesis", "heal");
    for (const links of this.#links) links.heal();
    this.#coordinator.heal();
    await Promise.all(this.#nodes.map((node) => node.heal()));
    await this.#operator?.finish();
  }

  /** Nobody reads it, and nobody starts again: who goes over all files has to find it. */
  rotAtRest(): void {
    const nodes = this.#nodes.filter((node) => node.flipBit());
    this.counts.set("rot at rest", nodes.length);
  }

  async #dieTogether(how: "kill" | "power"): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.die(how)));
  }
}
