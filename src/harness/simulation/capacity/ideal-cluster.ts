import { SeededRandom } from "../../../base/seeded-random.ts";
import { formatUuid, makeUuid } from "../../../base/uuid.ts";
import {
  chainKey,
  formatChainConfig,
  parseChainConfig,
  type ChainConfig,
} from "../../../replication/chain-config.ts";
import type { ChainChange } from "../../../replication/controller/chain-change.ts";
import { ChainController } from "../../../replication/controller/chain-controller.ts";
import type { ControlledChain } from "../../../replication/controller/chain-situation.ts";
import {
  asMember,
  type ControlledNode,
  type TopicRules,
} from "../../../replication/controller/controlled-node.ts";
import { ControllerImage } from "../../../replication/controller/controller-image.ts";
import { MemberPool } from "../../../replication/member-pool.ts";
import type { Member } from "../../../replication/member.ts";
import { assignReplicas } from "../../../replication/placement/assign-replicas.ts";
import { NodeLoads, type PlacedPartition } from "../../../replication/placement/node-loads.ts";
import type { Seat } from "../../../replication/placement/seat.ts";
import { Work } from "./work.ts";

export interface CapacityOptions {
  readonly nodes: number;
  readonly partitions: number;
  readonly replicas: number;
  readonly racks: number;
  readonly seed: number;
}

/** As the controller's shell runs it. */
const controllerOptions = {
  selfId: 1,
  suspectMs: 5_000,
  returnWaitMs: 1_000,
  unheardMs: 4_000,
  handOverMs: 10_000,
  restMs: 10_000,
  restoredRestMs: 10_000,
  othersComeUntilMs: 0,
  othersStartUntilMs: 0,
  joinsPerNodeMax: 256,
  looksMax: 1_024,
  headsAtOnceMax: 100,
  preferredAfterMs: 300_000,
};

/**
 * The product's controller and placement over many nodes that do at once what they are told: who is
 * named has the log, who leaves hands over. What is left is the work of the controller and what it
 * writes. Time is virtual.
 */
export class IdealCluster {
  readonly image = new ControllerImage();
  readonly controller = new ChainController(this.image, controllerOptions);
  readonly sizesBytes = new Map<string, number>();
  seats: Seat[] = [];
  nowMs = 0;
  work = new Work();
  #wakeMs: number | undefined;
  #revision = 0;
  readonly #random: SeededRandom;
  readonly #pool = new MemberPool();
  readonly #racks: number;

  constructor({ nodes, racks, seed }: CapacityOptions) {
    this.#random = new SeededRandom(seed);
    this.#racks = racks;
    for (let id = 1; id <= nodes; id += 1) this.addNode(id, "valid");
  }

  addNode(id: number, state: Seat["state"]): void {
    this.seats.push({ id, rack: `rack-${id % this.#racks}`, weight: 1, state });
    this.image.setSeats(this.seats);
    this.start(id);
  }

  /** The node runs, in a new life; its disk is the one it had. */
  start(id: number): void {
    this.#revision += 1;
    const lineages = { fsync: `lineage-of-node-${id}-fsync`, os: `lineage-of-node-${id}--os` };
    const incarnation = formatUuid(makeUuid(this.#random));
    const node = { id, incarnation, lineages, revision: this.#revision, isDraining: false };
    this.image.setNode(node);
  }

  stop(id: number): void {
    this.image.removeNode(id);
  }

  /** Topics of all sizes until there are so many partitions; 1 KiB to 1 GiB a partition. */
  addTopics({ partitions, replicas }: CapacityOptions): void {
    const loads = new NodeLoads();
    for (let left = partitions; left > 0;) {
      const count = Math.min(left, 1 + (this.#random.nextUint32() % 100));
      this.#addTopic({ count, replicas }, loads);
      left -= count;
    }
  }

  /** All partitions as placement sees them. */
  placed(): PlacedPartition[] {
    return [...this.image.chains()].map(({ key, config }) => {
      return { key, replicas: config.replicas, sizeBytes: this.sizesBytes.get(key) ?? 0 };
    });
  }

  /** What the coordinator holds of chains, keys included. */
  storedBytes(): number {
    let bytes = 0;
    for (const { key, config } of this.image.chains()) {
      bytes += key.length + formatChainConfig(config).length;
    }
    return bytes;
  }

  /** Writes changes as the coordinator would, and does what they ask of nodes. */
  apply(changes: readonly ChainChange[]): void {
    this.work.wrote(changes);
    for (const { key, config } of changes) this.#set(key, formatChainConfig(config));
    for (const { key } of changes) this.#act(key);
  }

  /** Lets the controller work until nothing is left to do, timers included for `spanMs`. */
  settle(spanMs = 0): void {
    const endMs = this.nowMs + spanMs;
    for (;;) {
      const hasChanged = this.#decide();
      if (hasChanged) continue;
      if (this.#wakeMs === undefined || this.#wakeMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, this.#wakeMs);
    }
    this.nowMs = endMs;
  }

  #decide(): boolean {
    const { changes, questions, wakeMs, hasMore } = this.work.time(() => {
      return this.controller.decide(this.nowMs);
    });
    this.#wakeMs = wakeMs;
    this.apply(changes);
    for (const { nodeId, keys } of questions) {
      const from = this.image.findNode(nodeId) as ControlledNode;
      for (const key of keys) this.controller.tell({ key, from, lastEpoch: 1, endOffset: 1 });
    }
    return hasMore || changes.length > 0 || questions.length > 0;
  }

  #addTopic(asked: { count: number; replicas: number }, loads: NodeLoads): void {
    const topicId = formatUuid(makeUuid(this.#random));
    const rules: TopicRules = {
      partitions: asked.count,
      durability: "fsync",
      minInsyncReplicas: 2,
      allowsUnclean: false,
      isEverywhere: false,
    };
    this.image.setTopic(topicId, rules);
    assignReplicas(asked, this.seats, loads).forEach((replicas, index) => {
      const key = chainKey(topicId, index);
      const sizeBytes = 2 ** (10 + (this.#random.nextUint32() % 21));
      this.sizesBytes.set(key, sizeBytes);
      loads.add({ key, replicas, sizeBytes });
      const members = replicas.map((id) => this.#member(id, rules));
      const none = { joining: [], leaving: [], unclean: 0 };
      this.#set(key, formatChainConfig({ epoch: 1, members, replicas, ...none }));
    });
  }

  #member(id: number, rules: TopicRules): Member {
    return asMember(this.image.findNode(id) as ControlledNode, rules);
  }

  /** The image gets text, as from the coordinator. */
  #set(key: string, text: string): void {
    this.#revision += 1;
    this.image.setChain({
      key,
      revision: this.#revision,
      config: parseChainConfig(key, text, this.#pool),
    });
  }

  #act(key: string): void {
    const { config } = this.image.findChain(key) as ControlledChain;
    const { epoch, joining, leaving, members } = config satisfies ChainConfig;
    const [joiner] = joining;
    const from = members.at(-1) as Member;
    if (joiner !== undefined) {
      this.controller.ask({ kind: "append", key, epoch, from, joiner }, this.nowMs);
    }
    if (leaving.length > 0) {
      this.controller.ask({ kind: "handOver", key, epoch, from: members[0] as Member }, this.nowMs);
    }
  }
}
