import { formatUuid } from "../../../base/uuid.ts";
import type { Broker } from "../../../broker/broker.ts";
import type { Cluster } from "../../../broker/cluster/cluster.ts";
import { nodeKey, parseNodeEntry } from "../../../broker/cluster/membership/node-entry.ts";
import { PlacedPartition } from "../../../broker/cluster/replicas/placed-partition.ts";
import type { SimulatedStore } from "../../../simulation/simulated-store.ts";
import type { World } from "../world.ts";
import type { ClusteredProcess } from "./clustered-process.ts";

/** Topics that a process has made meanwhile are looked for so often. */
const lookMs = 400;

/** Notes who moves the committed offset of which partition as its head, and on whose lease. */
export class CommitWatch {
  readonly #world: World;
  readonly #store: SimulatedStore;

  constructor(world: World, store: SimulatedStore) {
    this.#world = world;
    this.#store = store;
  }

  /** Until it is dead. */
  follow(process: ClusteredProcess): void {
    const known = new Set<object>();
    const look = (): void => {
      if (process.isDead) return;
      const { broker } = process;
      for (const topic of broker?.topics.list() ?? []) {
        for (const partition of topic.partitions) {
          if (known.has(partition) || !(partition instanceof PlacedPartition)) continue;
          known.add(partition);
          const key = `${formatUuid(topic.id)}-${partition.index}`;
          this.#listen(process, key, partition, (broker as Broker).cluster as Cluster);
        }
      }
      this.#world.clock.schedule(lookMs, look);
    };
    look();
  }

  #listen(
    process: ClusteredProcess,
    partition: string,
    placed: PlacedPartition,
    { nodeId, incarnation }: Cluster,
  ): void {
    const committed = (): number => placed.placement.log?.committed ?? 0;
    let known = committed();
    placed.onPlaced(() => void (known = committed()));
    placed.onAdvance(() => {
      const reached = committed();
      if (reached <= known || process.isDead) return;
      known = reached;
      // As its replica goes by, whatever the node has heard of the chain since.
      const { isServed, chain } = placed.placement;
      if (!isServed || chain === undefined) return;
      const { epoch, memberCount } = chain;
      const isLeased = this.#isLeased(nodeId, incarnation);
      const by = { nodeId, incarnation };
      this.#world.record({ kind: "commits", partition, epoch, by, isLeased, memberCount });
    });
  }

  #isLeased(nodeId: number, incarnation: string): boolean {
    const key = nodeKey(nodeId);
    const found = this.#store.find(key);
    return found !== undefined && parseNodeEntry(key, found.value).incarnation === incarnation;
  }
}
