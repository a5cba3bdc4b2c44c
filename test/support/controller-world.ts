import type { ChainConfig } from "../../src/replication/chain-config.ts";
import type { ChainAsk, Life } from "../../src/replication/controller/chain-ask.ts";
import type { ChainChange } from "../../src/replication/controller/chain-change.ts";
import {
  ChainController,
  type ControllerDecision,
  type ControllerOptions,
} from "../../src/replication/controller/chain-controller.ts";
import type {
  ControlledNode,
  TopicRules,
} from "../../src/replication/controller/controlled-node.ts";
import { ControllerImage } from "../../src/replication/controller/controller-image.ts";
import type { Member } from "../../src/replication/member.ts";

export const controllerOptions: ControllerOptions = {
  selfId: 9,
  suspectMs: 5_000,
  returnWaitMs: 1_000,
  othersComeUntilMs: 0,
  othersStartUntilMs: 0,
  unheardMs: 4_000,
  handOverMs: 10_000,
  restMs: 5_000,
  restoredRestMs: 10_000,
  joinsPerNodeMax: 100,
  looksMax: 1_000,
  headsAtOnceMax: 0,
  preferredAfterMs: 60_000,
};

export const topicRules: TopicRules = {
  partitions: 1,
  durability: "fsync",
  minInsyncReplicas: 1,
  allowsUnclean: false,
  isEverywhere: false,
};

/** `2a`: node 2 in its life a. */
export function life(name: string): Life {
  return { id: Number(name.slice(0, -1)), incarnation: name.slice(-1) };
}

/** A coordinator in memory and a controller on it; chains of the topic `t` by partition. */
export class ControllerWorld {
  readonly image = new ControllerImage();
  readonly controller: ChainController;
  readonly reasons: string[] = [];
  nowMs = 0;
  #revision = 0;

  constructor(options: Partial<ControllerOptions> = {}, rules: Partial<TopicRules> = {}) {
    this.controller = new ChainController(this.image, { ...controllerOptions, ...options });
    this.image.setTopic("t", { ...topicRules, ...rules });
  }

  /** Nodes come up, each in the life named; a disk that was not wiped keeps its lineages. */
  up(names: string, more: Partial<ControlledNode> = {}): void {
    for (const name of names.split(" ")) {
      const { id, incarnation } = life(name);
      const lineages = { fsync: `f${id}`, os: `o${id}` };
      this.#revision += 1;
      const node = { id, incarnation, lineages, revision: this.#revision, isDraining: false };
      this.image.setNode({ ...node, ...more });
    }
  }

  down(...ids: number[]): void {
    for (const id of ids) this.image.removeNode(id);
  }

  /** Sets a chain: its members in their lives, and its replicas, which are the members' nodes. */
  chain(names: string, more: Partial<ChainConfig> = {}, partition = 0): void {
    const members = names.split(" ").map((name) => this.member(name));
    const replicas = members.map(({ id }) => id);
    const none = { joining: [], leaving: [], unclean: 0 };
    this.set(partition, { epoch: 1, members, replicas, ...none, ...more });
  }

  member(name: string): Member {
    const { id, incarnation } = life(name);
    return { id, incarnation, lineage: `f${id}` };
  }

  set(partition: number, config: ChainConfig): void {
    this.#revision += 1;
    this.image.setChain({ key: `chains/t/${partition}`, revision: this.#revision, config });
  }

  config(partition = 0): ChainConfig {
    return this.image.findChain(`chains/t/${partition}`)?.config as ChainConfig;
  }

  /** As in cluster.md: `3 [1a 2a] joining 3a leaving 1`. */
  show(partition = 0): string {
    const { epoch, members, joining, leaving } = this.config(partition);
    const names = (list: readonly Life[]): string => {
      return list.map(({ id, incarnation }) => `${id}${incarnation}`).join(" ");
    };
    const joins = joining.length === 0 ? "" : ` joining ${names(joining)}`;
    const leaves = leaving.length === 0 ? "" : ` leaving ${leaving.join(" ")}`;
    return `${epoch} [${names(members)}]${joins}${leaves}`;
  }

  /** Decides once, and writes what was decided. */
  decide(): ControllerDecision {
    const decision = this.controller.decide(this.nowMs);
    for (const change of decision.changes) this.apply(change);
    return decision;
  }

  apply({ key, config, reason }: ChainChange): void {
    this.reasons.push(reason);
    this.set(Number(key.split("/")[2]), config);
  }

  /** Decides until nothing is left to do, as if the nodes did nothing meanwhile. */
  settle(): string {
    for (let pass = 0; pass < 100; pass += 1) {
      const { changes, hasMore } = this.decide();
      if (changes.length === 0 && !hasMore) return this.show();
    }
    throw new Error(`the controller never ends: ${this.reasons.slice(-10).join("; ")}`);
  }

  /** Settles; every joiner joins and every head that leaves hands over, as far as it goes. */
  live(partition = 0): string {
    let before = "";
    for (let pass = 0; pass < 200; pass += 1) {
      this.settle();
      if (this.show(partition) === before) return before;
      before = this.show(partition);
      const { joining, leaving } = this.config(partition);
      if (joining[0] !== undefined) this.askAppend(joining[0], partition);
      else if (leaving.length > 0) this.askHandOver(partition);
      else return this.show(partition);
    }
    throw new Error(`the chain never settles: ${this.reasons.slice(-10).join("; ")}`);
  }

  askAppend(joiner: Life, partition = 0): void {
    this.ask(
      { kind: "append", joiner, from: this.config(partition).members.at(-1) as Member },
      partition,
    );
  }

  askHandOver(partition = 0): void {
    this.ask({ kind: "handOver", from: this.config(partition).members[0] as Member }, partition);
  }

  ask(ask: OmitEach<ChainAsk, "key" | "epoch">, partition = 0, epoch?: number): void {
    const at = { key: `chains/t/${partition}`, epoch: epoch ?? this.config(partition).epoch };
    this.controller.ask({ ...ask, ...at }, this.nowMs);
  }
}

type OmitEach<T, Keys extends PropertyKey> = T extends unknown ? Omit<T, Keys> : never;
