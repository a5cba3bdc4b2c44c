import type { Broker } from "../../../broker/broker.ts";
import type { ClusterStatus, NodeStatus } from "../../../broker/cluster/plans/cluster-orders.ts";
import { drawBetween, drawOf } from "../../../simulation/draw.ts";
import { askNode } from "./node-answer.ts";
import type { ClusterScene } from "./cluster-scene.ts";
import { FaultBag } from "./fault-bag.ts";
import { isGoing } from "./until-whole.ts";

const pauseMsMin = 2_000;
const pauseMsMax = 9_000;
/** Whoever asks a node that dies waits no longer. */
const askMsMax = 20_000;
/** After the faults a plan ends within this time. */
const endMsMax = 120_000;
const lookMs = 500;
/** Nodes that are to hold replicas in any case. */
const holdersMin = 2;
const weights = [0.5, 1, 1, 3];

type Scene = Pick<ClusterScene, "world" | "nodes" | "chains">;
type ClusterAdministration = NonNullable<Broker["administration"]>;
type Ask<Answer> = (administration: ClusterAdministration) => Promise<Answer>;

/** Who runs `xylem cluster`: nodes join and leave by plans, while everything else goes on. */
export class Operator {
  readonly #scene: Scene;
  readonly #bag: FaultBag;

  constructor(scene: Scene, counts: Map<string, number>) {
    this.#scene = scene;
    const options = { name: "operator", pauseMsMin, pauseMsMax, counts };
    this.#bag = new FaultBag(scene.world, options, {
      "plan to join": { weight: 4, happen: () => this.#change((status) => this.#join(status)) },
      "plan to leave": { weight: 2, happen: () => this.#change((status) => this.#leave(status)) },
      "plan to replace": {
        weight: 2,
        happen: () => this.#change((status) => this.#replace(status)),
      },
      "plan to weigh": { weight: 1, happen: () => this.#change((status) => this.#weigh(status)) },
      "plan paused": { weight: 1, happen: () => this.#pause() },
      "plan cancelled": { weight: 1, happen: () => this.#steer("cancelled") },
      drain: { weight: 2, happen: () => this.#drain() },
    });
  }

  run(): Promise<void> {
    return this.#bag.run();
  }

  /** All nodes take part again, and the plan that runs comes to its end. */
  async finish(): Promise<void> {
    const { world, chains } = this.#scene;
    const endMs = world.clock.monotonicMs() + endMsMax;
    while (world.clock.monotonicMs() < endMs) {
      const status = await this.#ask("status", (one) => one.status());
      if (status !== undefined && (await this.#isSettled(status))) return;
      await world.sleep(lookMs);
    }
    // A partition that waits for a hand has its plan wait as well, and so has one of a deleted
    // topic that is back by a backup: whoever still had its files may know more than its chain.
    const keys = [...chains.chains.keys()];
    if (keys.some((key) => chains.waitsForHand(key) || isGoing(world, key))) {
      return await this.#steer("cancelled");
    }
    world.record({ kind: "stuck", what: "the plan did not end after all faults had" });
  }

  async #isSettled({ nodes, plan }: ClusterStatus): Promise<boolean> {
    const drained = nodes.filter(({ status }) => status === "draining");
    for (const { nodeId } of drained) {
      await this.#ask(`undrain ${nodeId}`, (one) => one.drain(nodeId, false));
    }
    if (plan?.state === "paused") await this.#steer("running");
    const isOver = plan === null || plan.state === "done" || plan.state === "cancelled";
    return isOver && (plan?.running ?? 0) === 0 && drained.length === 0;
  }

  /** Has a seat changed, and what follows from it done. */
  async #change(change: (status: ClusterStatus) => Promise<unknown>): Promise<void> {
    const status = await this.#ask("status", (one) => one.status());
    if (status === undefined) return;
    await change(status);
    const { random } = this.#bag;
    const replicasMin = drawOf(random, [0, 0, 3]);
    const draft = await this.#ask("draft", (one) => one.draft({ replicasMin }));
    if (draft === undefined) return;
    const { planId } = draft;
    const movesAtOnce = drawBetween(random, 1, 3);
    await this.#rest(0, 2_000);
    const order = { planId, movesAtOnce, acceptsLoss: false };
    await this.#ask(`commit ${planId}: ${draft.moveCount} moves`, (one) => one.commit(order));
  }

  /** Whoever is not in it, or is about to leave. */
  async #join({ nodes }: ClusterStatus): Promise<void> {
    for (const { nodeId, seat } of nodes) {
      if (seat === "valid" || seat === "joining") continue;
      await this.#ask(`join ${nodeId}`, (one) => one.changeSeat(nodeId, { seat: "joining" }));
    }
  }

  async #leave({ nodes }: ClusterStatus): Promise<void> {
    const holders = nodes.filter(isHolder);
    if (holders.length <= holdersMin) return;
    const { nodeId } = drawOf(this.#bag.random, holders);
    await this.#ask(`leave ${nodeId}`, (one) => one.changeSeat(nodeId, { seat: "leaving" }));
  }

  async #replace({ nodes }: ClusterStatus): Promise<void> {
    const joining = nodes.filter(({ seat }) => seat === "joining");
    const holders = nodes.filter(isHolder);
    if (joining.length === 0 || holders.length === 0) return;
    const { nodeId } = drawOf(this.#bag.random, holders);
    const { nodeId: replacement } = drawOf(this.#bag.random, joining);
    const ask = { seat: "leaving", replacement } as const;
    await this.#ask(`replace ${nodeId} by ${replacement}`, (one) => one.changeSeat(nodeId, ask));
  }

  async #weigh({ nodes }: ClusterStatus): Promise<void> {
    const { nodeId } = drawOf(this.#bag.random, nodes);
    const weight = drawOf(this.#bag.random, weights);
    await this.#ask(`weigh ${nodeId}: ${weight}`, (one) => one.changeSeat(nodeId, { weight }));
  }

  async #pause(): Promise<void> {
    await this.#steer("paused");
    await this.#rest(500, 6_000);
    await this.#steer("running");
  }

  async #steer(state: "running" | "paused" | "cancelled"): Promise<void> {
    await this.#ask(`steer to ${state}`, (one) => one.steer(state));
  }

  async #drain(): Promise<void> {
    const { id } = drawOf(this.#bag.random, this.#scene.nodes);
    await this.#ask(`drain ${id}`, (one) => one.drain(id, true));
    await this.#rest(500, 6_000);
    await this.#ask(`undrain ${id}`, (one) => one.drain(id, false));
  }

  /** Any node; undefined when it refuses, or nobody knows. */
  async #ask<Answer>(what: string, ask: Ask<Answer>): Promise<Answer | undefined> {
    const { world, nodes } = this.#scene;
    const serving = nodes.filter(({ process }) => process?.broker?.administration !== undefined);
    if (serving.length === 0) return undefined;
    const node = drawOf(this.#bag.random, serving);
    const answer = await askNode(world, node, askMsMax, ({ administration }) =>
      ask(administration as ClusterAdministration),
    );
    const outcome = answer === undefined ? "no answer" : (answer.error?.message ?? "done");
    if (what !== "status" || outcome !== "done") {
      world.tell("operator", `${what}, by ${node.name}: ${outcome}`);
    }
    return answer?.value;
  }

  #rest(msMin: number, msMax: number): Promise<void> {
    return this.#scene.world.sleep(drawBetween(this.#bag.random, msMin, msMax));
  }
}

function isHolder({ seat, weight }: NodeStatus): boolean {
  return seat === "valid" && weight > 0;
}
