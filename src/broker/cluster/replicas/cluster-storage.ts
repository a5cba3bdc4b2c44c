import { assert } from "../../../base/assert.ts";
import type { Clock } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { formatUuid, type Uuid } from "../../../base/uuid.ts";
import { chainKey } from "../../../replication/chain-config.ts";
import type { LogEnd } from "../../../replication/controller/chain-ask.ts";
import { formatPartitionName } from "../../partition/partition-name.ts";
import type {
  FoundPartition,
  PartitionStorage,
  ReplicaStorage,
  TopicKey,
} from "../../ports/partition-storage.ts";
import { Turns } from "../../turns.ts";
import type { Cluster } from "../cluster.ts";
import type { LostReplica } from "../membership/lineage-file.ts";
import { isHolder } from "./is-holder.ts";
import { KeptReplica, type ReplicaKeeping } from "./kept-replica.ts";
import { PlacedPartition } from "./placed-partition.ts";
import { type FactsPage, factsPage } from "../plans/replica-facts.ts";
import type { KnownChains } from "./known-chains.ts";
import { RestoredChains, type TellNewer } from "./restored-chains.ts";
import type { RunChain } from "./running-chain.ts";
import type { ShortTurns } from "./short-turns.ts";

export interface ClusterStorageOptions {
  readonly cluster: Cluster;
  /** This node's own. */
  readonly storage: ReplicaStorage;
  readonly runChain: RunChain;
  readonly known: KnownChains;
  readonly tellNewer: TellNewer;
  /** In which replicas are opened, or follow a change of their chains. */
  readonly shortTurns: ShortTurns;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is known of chains of topics that the coordinator has lost, and may have again. */
const strangersMax = 1_000;

/**
 * The partitions of a cluster as this node sees them: those that a chain has given it have a log
 * here, the others only a place. Each follows its chain.
 */
export class ClusterStorage implements PartitionStorage {
  readonly #options: ClusterStorageOptions;
  readonly #kept = new Map<string, KeptReplica>();
  readonly #keeping: ReplicaKeeping;
  readonly #turns = new Turns();
  readonly #leave: (() => void)[];
  readonly #restored: RestoredChains;
  /** Folders of the life before that nobody has opened yet. */
  readonly #left: Set<string>;
  #wasStanding = true;
  #onReleased: (key: string) => Promise<void> = () => Promise.resolve();

  constructor(options: ClusterStorageOptions) {
    this.#options = options;
    const { cluster, storage, known, tellNewer } = options;
    this.#restored = new RestoredChains(cluster, known, tellNewer);
    this.#keeping = {
      ...options,
      restored: this.#restored,
      onReleased: (key) => this.#onReleased(key),
      again: (key) => this.#follow(key),
      remove: (topic, index) => this.#remove(topic, index),
    };
    const found = storage.findPartitions();
    this.#left = new Set(found.map(({ topic, index }) => formatPartitionName(topic, index)));
    this.#leave = [
      cluster.onImage(({ nodesChanged, chains, isRestored }) => {
        for (const key of isRestored ? this.#kept.keys() : chains) this.#follow(key);
        if (nodesChanged) for (const kept of this.#kept.values()) kept.show();
        this.#review();
      }),
      cluster.membership.onChange(() => this.#review()),
    ];
  }

  findPartitions(): readonly FoundPartition[] {
    return this.#options.storage.findPartitions();
  }

  readTopicId(found: FoundPartition, likely?: Uuid): Promise<Uuid | undefined> {
    return this.#options.storage.readTopicId(found, likely);
  }

  async openPartition(
    topic: TopicKey,
    index: number,
    settings: TopicSettings,
  ): Promise<PlacedPartition> {
    const mayServe = (): boolean => kept.isStanding;
    const partition = new PlacedPartition({ topic: topic.name, index }, settings, mayServe);
    const key = chainKey(formatUuid(topic.id), index);
    const kept = new KeptReplica(key, topic, partition, this.#keeping);
    this.#kept.set(key, kept);
    await this.#turns.take(key, () => this.#settle(key));
    return partition;
  }

  /** A fork's files are one node's, and a cluster's topic lies on several. */
  forkPartition(): Promise<void> {
    assert(false, "no topic of a cluster is forked");
  }

  removePartition(topic: TopicKey, index: number): Promise<void> {
    return this.#unseat(topic, index, () => {
      this.#restored.forget(chainKey(formatUuid(topic.id), index));
      return this.#remove(topic, index);
    });
  }

  async #remove(topic: TopicKey, index: number): Promise<void> {
    const { storage } = this.#options;
    await storage.removePartition(topic, index);
    await storage.aside.forget(topic.name, index);
  }

  leavePartition(topic: TopicKey, index: number): Promise<boolean> {
    return this.#unseat(topic, index, () => this.#options.storage.leavePartition(topic, index));
  }

  #unseat<T>(topic: TopicKey, index: number, end: () => Promise<T>): Promise<T> {
    const key = chainKey(formatUuid(topic.id), index);
    return this.#turns.take(key, async () => {
      const kept = this.#kept.get(key);
      this.#kept.delete(key);
      kept?.close();
      kept?.partition.place();
      return await end();
    });
  }

  /** The chains whose replicas here have lost what others count on, or may have. */
  get lostReplicas(): readonly LostReplica[] {
    const lost = [...this.#kept.values()].filter(({ loss }) => loss !== undefined);
    return lost.map(({ key: chain, partition, loss }) => {
      return { chain, durability: partition.settings.durability, isUnflushed: loss === "written" };
    });
  }

  /** Chains that are of no topic any more, once all topics are known. */
  forgetStrangers(): void {
    this.#options.known.keepOnly((key) => this.#kept.has(key), strangersMax);
  }

  /** Told of replicas that nobody counts on: what they have lost is no matter any more. */
  onReleased(listener: (key: string) => Promise<void>): void {
    this.#onReleased = listener;
  }

  /** Where this node's logs of these chains end, as far as it has them. */
  logEnds(keys: readonly string[]): LogEnd[] {
    const { nodeId: id, incarnation } = this.#options.cluster;
    return keys.flatMap((key) => {
      const kept = this.#kept.get(key);
      if (kept === undefined) return [];
      const { replica, isUnopened } = kept;
      if (replica === undefined && !isUnopened && !this.#hasNoLog(kept)) return [];
      const end = { key, from: { id, incarnation }, ...this.#restored.endOf(key, replica) };
      return [isUnopened ? { ...end, isUnopened } : end];
    });
  }

  /** Nothing of it is here, as far as is known. */
  #hasNoLog(kept: KeptReplica): boolean {
    return kept.isWithoutLog && !this.#left.has(folderOf(kept));
  }

  /** What this node has of partitions, a page from a place on. */
  factsFrom(place: number): FactsPage {
    return factsPage(this.#kept, place);
  }

  async close(): Promise<void> {
    for (const leave of this.#leave) leave();
    for (const kept of this.#kept.values()) kept.cancel();
    await this.#turns.settled();
    for (const kept of this.#kept.values()) kept.close();
  }

  #follow(key: string): void {
    if (!this.#kept.has(key)) return;
    this.#turns
      .take(key, () => this.#settle(key))
      .catch(({ message: why }: Error) => {
        this.#options.log.error("a partition does not follow its chain", { chain: key, why });
      });
  }

  /** Opens the replica of a partition that is to be here, removes that of one that moved away. */
  async #settle(key: string): Promise<void> {
    const wait = this.#options.shortTurns.enter();
    if (wait !== undefined) await wait;
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    const { config } = kept;
    if (config !== undefined) {
      if (!isHolder(config, this.#options.cluster.nodeId)) await this.#openLeft(kept);
      await kept.follow(config);
    }
    kept.show();
  }

  /** A partition has moved while this node was down: its files are looked at before they go. */
  async #openLeft(kept: KeptReplica): Promise<void> {
    const name = folderOf(kept);
    const wasLeft = this.#left.delete(name);
    if (!wasLeft || kept.replica !== undefined) return;
    try {
      await kept.open();
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      this.#left.add(name);
      const fields = { chain: kept.key, why: error.message };
      this.#options.log.warn("files of a partition that has moved can not be opened", fields);
    }
  }

  #review(): void {
    const { isStanding } = this.#options.cluster;
    if (isStanding === this.#wasStanding) return;
    this.#wasStanding = isStanding;
    for (const kept of this.#kept.values()) kept.review();
  }
}

function folderOf({ topic, partition }: KeptReplica): string {
  return formatPartitionName(topic.name, partition.index);
}
