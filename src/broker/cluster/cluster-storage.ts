import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { formatUuid, type Uuid } from "../../base/uuid.ts";
import { chainKey, type ChainConfig } from "../../replication/chain-config.ts";
import type { Peer } from "../../replication/chain-input.ts";
import type { LogEnd } from "../../replication/controller/chain-ask.ts";
import { formatPartitionName } from "../partition/partition-name.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type {
  FoundPartition,
  PartitionStorage,
  ReplicaStorage,
  TopicKey,
} from "../ports/partition-storage.ts";
import { Turns } from "../turns.ts";
import type { Cluster } from "./cluster.ts";
import type { LostReplica } from "./lineage-file.ts";
import { isHolder } from "./is-holder.ts";
import { mendReplica, noteFilled } from "./mend-replica.ts";
import { openSeated } from "./open-seated.ts";
import { PlacedPartition } from "./placed-partition.ts";
import {
  beginsUncleanly,
  isToBeginWhole,
  isToGoOn,
  isMemberOf,
  isUnsound,
  mayStartOver,
  tornFrom,
} from "./replica-mending.ts";
import { type FactsPage, factsPage } from "./plans/replica-facts.ts";
import type { KnownChains } from "./known-chains.ts";
import { RestoredChains, type TellNewer } from "./restored-chains.ts";
import type { ChainPlace, RunChain, RunningChain } from "./running-chain.ts";
import { mayHaveLost, seat, type Seated } from "./seated.ts";

export interface ClusterStorageOptions {
  readonly cluster: Cluster;
  /** This node's own. */
  readonly storage: ReplicaStorage;
  readonly runChain: RunChain;
  readonly known: KnownChains;
  readonly tellNewer: TellNewer;
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
  readonly #seated = new Map<string, Seated>();
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
    const found = storage.findPartitions();
    this.#left = new Set(found.map(({ topic, index }) => formatPartitionName(topic, index)));
    this.#leave = [
      cluster.onImage(({ nodesChanged, chains, isRestored }) => {
        for (const key of isRestored ? this.#seated.keys() : chains) this.#follow(key);
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
    this.#seated.set(key, seat(topic, partition));
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
      const seated = this.#seated.get(key);
      this.#seated.delete(key);
      seated?.cancel();
      seated?.running?.close();
      seated?.partition.place();
      return await end();
    });
  }

  /** The chains whose replicas here have lost what others count on, or may have. */
  get lostReplicas(): readonly LostReplica[] {
    const all = [...this.#seated];
    const lost = all.filter(([key, seated]) => mayHaveLost(seated, this.#configOf(key)));
    return lost.map(([chain, { partition }]) => {
      return { chain, durability: partition.settings.durability };
    });
  }

  /** Chains that are of no topic any more, once all topics are known. */
  forgetStrangers(): void {
    this.#options.known.keepOnly((key) => this.#seated.has(key), strangersMax);
  }

  /** Told of replicas that nobody counts on: what they have lost is no matter any more. */
  onReleased(listener: (key: string) => Promise<void>): void {
    this.#onReleased = listener;
  }

  /** Where this node's logs of these chains end, as far as it has them. */
  logEnds(keys: readonly string[]): LogEnd[] {
    return keys.flatMap((key) => {
      const seated = this.#seated.get(key);
      if (seated === undefined) return [];
      if (seated.replica === undefined && !this.#hasNoLog(seated)) return [];
      return [{ key, from: this.#self, ...this.#restored.endOf(key, seated.replica) }];
    });
  }

  /** What this node has of partitions, a page from a place on. */
  factsFrom(place: number): FactsPage {
    return factsPage(this.#seated, place);
  }

  async close(): Promise<void> {
    for (const leave of this.#leave) leave();
    for (const { cancel } of this.#seated.values()) cancel();
    await this.#turns.settled();
    for (const { running, cancel } of this.#seated.values()) {
      cancel();
      running?.close();
    }
  }

  #follow(key: string): void {
    if (!this.#seated.has(key)) return;
    this.#turns
      .take(key, () => this.#settle(key))
      .catch(({ message: why }: Error) => {
        this.#options.log.error("a partition does not follow its chain", { chain: key, why });
      });
  }

  /** Opens the replica of a partition that is to be here, removes that of one that moved away. */
  async #settle(key: string): Promise<void> {
    const seated = this.#seated.get(key);
    if (seated === undefined) return;
    const { cluster } = this.#options;
    const config = this.#configOf(key);
    // Without a chain it is not known yet, or its topic is being deleted.
    if (config !== undefined) {
      const isHere = isHolder(config, cluster.nodeId);
      if (!isHere) await this.#openLeft(key, seated);
      seated.isHeldBack = this.#restored.isHeldBack(key, config, seated.replica);
      if (seated.isHeldBack) await this.#holdBack(key, seated, config);
      else if (isHere || this.#mayNotGo(key, seated)) await this.#hold(key, seated);
      else await this.#giveUp(key, seated, config);
    }
    this.#show(key, seated);
  }

  /** A partition has moved while this node was down: its files are looked at before they go. */
  async #openLeft(key: string, seated: Seated): Promise<void> {
    const { topic, partition } = seated;
    const name = formatPartitionName(topic.name, partition.index);
    const wasLeft = this.#left.delete(name);
    if (!wasLeft || seated.replica !== undefined) return;
    try {
      seated.replica = await this.#open(key, seated);
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      this.#left.add(name);
      const fields = { chain: key, why: error.message };
      this.#options.log.warn("files of a partition that has moved can not be opened", fields);
    }
  }

  /** Nothing is thrown away while nobody is up who has it. */
  #mayNotGo(key: string, { replica }: Seated): boolean {
    return replica !== undefined && !this.#mayStartOver(key);
  }

  /** What there is stays, and is told, until the controller has written the chain anew. */
  async #holdBack(key: string, seated: Seated, config: ChainConfig): Promise<void> {
    seated.isHeldBack = true;
    seated.running?.close();
    seated.running = undefined;
    const isHere = isHolder(config, this.#options.cluster.nodeId);
    try {
      if (isHere && !this.#restored.isGone(key)) seated.replica ??= await this.#open(key, seated);
      seated.failure = undefined;
      await this.#restored.tell(this.#placeOf(key), config, seated.replica);
    } catch (error) {
      this.#failed(key, seated, error);
    }
  }

  /** Nothing of it is here, as far as is known. */
  #hasNoLog({ topic, partition, replica, isHeldBack, failure }: Seated): boolean {
    const isLeft = this.#left.has(formatPartitionName(topic.name, partition.index));
    return isHeldBack && replica === undefined && failure === undefined && !isLeft;
  }

  /** One that can not be held is one partition less: the node serves the others. */
  async #hold(key: string, seated: Seated): Promise<void> {
    try {
      await this.#closeToGoOn(key, seated);
      seated.replica ??= await this.#open(key, seated);
      const opened = this.#configOf(key);
      if (opened && this.#restored.isHeldBack(key, opened, seated.replica)) {
        return await this.#holdBack(key, seated, opened);
      }
      const isToBeMended = seated.unsoundFrom < Infinity || isUnsound(seated.replica);
      if (isToBeMended) await this.#mend(key, seated, seated.replica);
      if (this.#isReleased(key)) await this.#onReleased(key);
      seated.running ??= this.#run(key, seated.replica);
      const config = this.#configOf(key);
      if (config !== undefined) {
        this.#restored.note(key, config);
        seated.running.configure(config);
      }
      seated.failure = undefined;
      seated.tries.succeeded();
      if (seated.isMended && config !== undefined && isMemberOf(config, this.#self)) {
        await noteFilled(this.#options, seated);
      }
    } catch (error) {
      this.#failed(key, seated, error);
    }
  }

  #failed(key: string, seated: Seated, error: unknown): void {
    if (!(error instanceof XylemError)) throw error;
    const { topic, partition } = seated;
    const fields = { topic: topic.name, partition: partition.index, why: error.message };
    this.#options.log.error("this node's replica of a partition can not be used", fields);
    seated.failure = error;
    seated.running?.close();
    seated.running = undefined;
    seated.cancel();
    const pauseMs = seated.tries.failed(error);
    seated.cancel = this.#options.clock.schedule(pauseMs, () => this.#follow(key));
  }

  /** The last of a chain whose disk was full goes on in a new epoch, from what it has written. */
  async #closeToGoOn(key: string, seated: Seated): Promise<void> {
    const { replica, topic, partition } = seated;
    const { storage, log } = this.#options;
    if (!isToGoOn(this.#configOf(key), this.#self, replica)) return;
    log.info("a replica that its disk had no room for goes on alone", { chain: key });
    seated.running?.close();
    seated.committed = replica.committed;
    seated.running = seated.replica = undefined;
    this.#show(key, seated);
    await storage.leavePartition(topic, partition.index);
  }

  #open(key: string, seated: Seated): Promise<ReplicaLog> {
    return openSeated(this.#options, seated, () => this.#mayStartOver(key));
  }

  async #mend(key: string, seated: Seated, replica: ReplicaLog): Promise<void> {
    const isTorn = this.#beginsTorn(key, replica);
    if (!isTorn && !this.#mayStartOver(key)) return;
    seated.running?.close();
    seated.running = undefined;
    // Nobody is served from what is cut.
    this.#show(key, seated);
    await mendReplica(this.#options, seated, replica, isTorn);
  }

  #isReleased(key: string): boolean {
    const config = this.#configOf(key);
    if (config === undefined) return false;
    return this.#mayStartOver(key) || beginsUncleanly(config, this.#self);
  }

  #mayStartOver(key: string): boolean {
    const { image, nodeId } = this.#options.cluster;
    const config = this.#configOf(key);
    return config !== undefined && mayStartOver(config, image, nodeId);
  }

  #beginsTorn(key: string, replica: ReplicaLog): boolean {
    const config = this.#configOf(key);
    if (config === undefined || tornFrom(replica) === undefined) return false;
    return isToBeginWhole(config, this.#self);
  }

  async #giveUp(key: string, seated: Seated, config: ChainConfig): Promise<void> {
    const { topic, partition, running } = seated;
    running?.close();
    this.#restored.untell(this.#placeOf(key));
    if (seated.replica === undefined) return;
    try {
      await this.#restored.noteGone(key, config);
    } catch (error) {
      return this.#failed(key, seated, error);
    }
    seated.running = undefined;
    seated.replica = undefined;
    seated.failure = undefined;
    // Nobody is served from files that go.
    this.#show(key, seated);
    await this.#remove(topic, partition.index);
  }

  #run(key: string, replica: ReplicaLog): RunningChain {
    return this.#options.runChain(replica, this.#placeOf(key));
  }

  #placeOf(key: string): ChainPlace {
    const { cluster } = this.#options;
    return { key, self: this.#self, isStanding: () => cluster.isStanding };
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

  get #self(): Peer {
    const { nodeId: id, incarnation } = this.#options.cluster;
    return { id, incarnation };
  }

  #configOf(key: string): ChainConfig | undefined {
    return this.#options.cluster.image.chains.get(key)?.config;
  }
}
