import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../../src/base/random.ts";
import { defaultNodeSettings } from "../../../src/base/settings/node-settings.ts";
import { waitUntil } from "../../support/wait-until.ts";
import type { FaultCluster, Means } from "./fault-cluster.ts";
import type { FaultNode } from "./fault-node.ts";

/** The longest a lease lives on after its node fell silent. */
export const leaseMs = defaultNodeSettings["cluster.lease.ms"];

/** What a nemesis has to do with. */
export class Arena {
  readonly cluster: FaultCluster;
  readonly random: Random;
  /** The topic whose chains nemeses look at when they want a head or a tail. */
  readonly topic: string;

  constructor(cluster: FaultCluster, random: Random, topic: string) {
    this.cluster = cluster;
    this.random = random;
    this.topic = topic;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.random.nextUint32() % items.length];
    if (item === undefined) throw new Error("there is nothing to pick from");
    return item;
  }

  /** A time between the two, by chance. */
  between(leastMs: number, mostMs: number): number {
    return leastMs + (this.random.nextUint32() % (mostMs - leastMs + 1));
  }

  async rest(leastMs: number, mostMs = leastMs): Promise<void> {
    await sleep(this.between(leastMs, mostMs));
  }

  /** The nodes of one chain, its head first, once there are so many. */
  async chain(length = 3): Promise<readonly FaultNode[]> {
    let ids: readonly number[] = [];
    await waitUntil(`a chain of ${this.topic} has ${length} members`, async () => {
      const partitions = await this.cluster.partitions(this.topic);
      ids = partitions.length === 0 ? [] : this.pick(partitions).chain;
      return ids.length >= length;
    });
    return ids.map((id) => this.cluster.node(id));
  }

  async controller(): Promise<FaultNode> {
    return this.cluster.node(await this.cluster.controllerId());
  }

  anyNode(): FaultNode {
    return this.pick(this.cluster.nodes);
  }
}

/** One way to break a cluster; it also mends what it broke. */
export interface Nemesis {
  readonly name: string;
  /** Whether a machine has what it takes; without it every machine has. */
  readonly isPossible?: (means: Means) => boolean;
  readonly strike: (arena: Arena) => Promise<void>;
}
