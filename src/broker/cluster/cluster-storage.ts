import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { formatUuid, type Uuid } from "../../base/uuid.ts";
import { chainKey, type ChainConfig } from "../../replication/chain-config.ts";
import type { LogEnd } from "../../replication/controller/chain-ask.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { FoundPartition, PartitionStorage, TopicKey } from "../ports/partition-storage.ts";
import { Turns } from "../turns.ts";
import type { Cluster } from "./cluster.ts";
import { PlacedPartition } from "./placed-partition.ts";
import type { RunChain, RunningChain } from "./running-chain.ts";

export interface ClusterStorageOptions {
  readonly cluster: Cluster;
  /** This node's own. */
  readonly storage: PartitionStorage;
  readonly runChain: RunChain;
  readonly log: Log;
}

/** A partition's place, and this node's replica of it, if it has one. */
interface Seated {
  readonly topic: TopicKey;
  readonly partition: PlacedPartition;
  replica: ReplicaLog | undefined;
  running: RunningChain | undefined;
  failure: XylemError | undefined;
}

/**
 * The partitions of a cluster as this node sees them: those that a chain has given it have a log
 * here, the others only a place. Each follows its chain.
 */
export class ClusterStorage implements PartitionStorage {
  readonly #options: ClusterStorageOptions;
  readonly #seated = new Map<string, Seated>();
  readonly #turns = new Turns();
  readonly #leave: (() => void)[];
  #wasStanding = true;

  constructor(options: ClusterStorageOptions) {
    this.#options = options;
    const { cluster } = options;
    this.#leave = [
      cluster.onImage(({ nodesChanged, chains }) => {
        for (const key of chains) this.#follow(key);
        if (nodesChanged) for (const seated of this.#seated.entries()) this.#show(...seated);
        this.#review();
      }),
      cluster.membership.onChange(() => this.#review()),
    ];
  }

  findPartitions(): readonly FoundPartition[] {
    return this.#options.storage.findPartitions();
  }

  readTopicId(found: FoundPartition): Promise<Uuid | undefined> {
    return this.#options.storage.readTopicId(found);
  }

  async openPartition(
    topic: TopicKey,
    index: number,
    settings: TopicSettings,
  ): Promise<PlacedPartition> {
    const { cluster } = this.#options;
    const mayServe = (): boolean => cluster.isStanding;
    const partition = new PlacedPartition({ topic: topic.name, index }, settings, mayServe);
    const key = chainKey(formatUuid(topic.id), index);
    const empty = { replica: undefined, running: undefined, failure: undefined };
    this.#seated.set(key, { topic, partition, ...empty });
    await this.#turns.take(key, () => this.#settle(key));
    return partition;
  }

  openReplica(topic: TopicKey, index: number, settings: TopicSettings): Promise<ReplicaLog> {
    return this.#options.storage.openReplica(topic, index, settings);
  }

  /** A fork's files are one node's, and a cluster's topic lies on several. */
  forkPartition(): Promise<void> {
    assert(false, "no topic of a cluster is forked");
  }

  removePartition(topic: TopicKey, index: number): Promise<void> {
    const key = chainKey(formatUuid(topic.id), index);
    return this.#turns.take(key, async () => {
      const seated = this.#seated.get(key);
      this.#seated.delete(key);
      seated?.running?.close();
      seated?.partition.place();
      await this.#options.storage.removePartition(topic, index);
    });
  }

  /** Whether every replica here still has what it had flushed and told others of. */
  get areReplicasWhole(): boolean {
    for (const { replica } of this.#seated.values()) {
      if (replica?.hasLostCommitted === true) return false;
    }
    return true;
  }

  /** Where this node's logs of these chains end, as far as it has them. */
  logEnds(keys: readonly string[]): LogEnd[] {
    const { nodeId: id, incarnation } = this.#options.cluster;
    return keys.flatMap((key) => {
      const replica = this.#seated.get(key)?.replica;
      if (replica === undefined) return [];
      const lastEpoch = replica.epochEnds().at(-1)?.epoch ?? -1;
      return [{ key, from: { id, incarnation }, lastEpoch, endOffset: replica.end }];
    });
  }

  async close(): Promise<void> {
    for (const leave of this.#leave) leave();
    await this.#turns.settled();
    for (const { running } of this.#seated.values()) running?.close();
  }

  #follow(key: string): void {
    if (!this.#seated.has(key)) return;
    this.#turns
      .take(key, () => this.#settle(key))
      .catch((error: Error) => {
        const { log } = this.#options;
        log.error("a partition does not follow its chain", { chain: key, why: error.message });
      });
  }

  /** Opens the replica of a partition that is to be here, removes that of one that moved away. */
  async #settle(key: string): Promise<void> {
    const seated = this.#seated.get(key);
    if (seated === undefined) return;
    const { cluster } = this.#options;
    const config = this.#configOf(key);
    const isHere = config !== undefined && isHolder(config, cluster.nodeId);
    // Without a chain it is not known yet, or its topic is being deleted.
    if (config !== undefined && !isHere) await this.#giveUp(key, seated);
    if (isHere) await this.#hold(key, seated);
    this.#show(key, seated);
  }

  /** One that can not be held is one partition less: the node serves the others. */
  async #hold(key: string, seated: Seated): Promise<void> {
    const { storage, log } = this.#options;
    const { topic, partition } = seated;
    const { index } = partition;
    try {
      seated.replica ??= await storage.openReplica(topic, index, partition.settings);
      seated.running ??= this.#run(key, seated.replica);
      const config = this.#configOf(key);
      if (config !== undefined) seated.running.configure(config);
      seated.failure = undefined;
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      const fields = { topic: topic.name, partition: index, why: error.message };
      log.error("this node's replica of a partition can not be used", fields);
      seated.failure = error;
      seated.running?.close();
      seated.running = undefined;
    }
  }

  async #giveUp(key: string, seated: Seated): Promise<void> {
    const { topic, partition, running } = seated;
    running?.close();
    if (seated.replica === undefined) return;
    seated.running = undefined;
    seated.replica = undefined;
    seated.failure = undefined;
    // Nobody is served from files that go.
    this.#show(key, seated);
    await this.#options.storage.removePartition(topic, partition.index);
  }

  #run(key: string, replica: ReplicaLog): RunningChain {
    const { cluster, runChain } = this.#options;
    const self = { id: cluster.nodeId, incarnation: cluster.incarnation };
    return runChain(replica, { key, self, isStanding: () => cluster.isStanding });
  }

  /** What clients see of it. */
  #show(key: string, { partition, replica, running, failure }: Seated): void {
    const config = this.#configOf(key);
    const headId = config && this.#options.cluster.image.headOf(config)?.id;
    partition.place({
      epoch: config?.epoch ?? -1,
      headId: headId ?? -1,
      log: replica?.log,
      isServed: running?.isServing === true,
      chain: running,
      failure,
    });
  }

  #review(): void {
    const { isStanding } = this.#options.cluster;
    if (isStanding === this.#wasStanding) return;
    this.#wasStanding = isStanding;
    for (const { running, partition } of this.#seated.values()) {
      running?.review();
      partition.reconsider();
    }
  }

  #configOf(key: string): ChainConfig | undefined {
    return this.#options.cluster.image.chains.get(key)?.config;
  }
}

/** Whether a chain has given a node something of its partition, in this life or an earlier one. */
function isHolder({ members, joining, replicas, target = [] }: ChainConfig, id: number): boolean {
  return (
    replicas.includes(id) ||
    target.includes(id) ||
    members.some((member) => member.id === id) ||
    joining.some((member) => member.id === id)
  );
}
