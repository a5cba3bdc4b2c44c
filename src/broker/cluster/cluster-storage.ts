import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { formatUuid, type Uuid } from "../../base/uuid.ts";
import { chainKey, type ChainConfig, roleOf } from "../../replication/chain-config.ts";
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
import { PlacedPartition } from "./placed-partition.ts";
import {
  beginsUncleanly,
  isNewerThan,
  isToBeginWhole,
  isToGoOn,
  isUnsound,
  mayStartOver,
  soundEnd,
  tornFrom,
} from "./replica-mending.ts";
import { type FactsPage, factsPerPage, type ReplicaFact } from "./plans/replica-facts.ts";
import type { RunChain, RunningChain } from "./running-chain.ts";
import { mayHaveLost, seat, type Seated } from "./seated.ts";

export interface ClusterStorageOptions {
  readonly cluster: Cluster;
  /** This node's own. */
  readonly storage: ReplicaStorage;
  readonly runChain: RunChain;
  readonly clock: Clock;
  readonly log: Log;
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
  /** Folders of the life before that nobody has opened yet. */
  readonly #left: Set<string>;
  #wasStanding = true;
  #onReleased: (key: string) => Promise<void> = () => Promise.resolve();

  constructor(options: ClusterStorageOptions) {
    this.#options = options;
    const { cluster, storage } = options;
    const found = storage.findPartitions();
    this.#left = new Set(found.map(({ topic, index }) => formatPartitionName(topic, index)));
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
    this.#seated.set(key, seat(topic, partition));
    await this.#turns.take(key, () => this.#settle(key));
    return partition;
  }

  /** A fork's files are one node's, and a cluster's topic lies on several. */
  forkPartition(): Promise<void> {
    assert(false, "no topic of a cluster is forked");
  }

  removePartition(topic: TopicKey, index: number): Promise<void> {
    return this.#unseat(topic, index, () => this.#remove(topic, index));
  }

  async #remove(topic: TopicKey, index: number): Promise<void> {
    const { storage } = this.#options;
    await storage.removePartition(topic, index);
    await storage.aside.forget(topic.name, index);
  }

  leavePartition(topic: TopicKey, index: number): Promise<boolean> {
    const { storage } = this.#options;
    return this.#unseat(topic, index, () => storage.leavePartition(topic, index));
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
    const lost = [...this.#seated].filter(([key, seated]) =>
      mayHaveLost(seated, this.#configOf(key)),
    );
    return lost.map(([chain, { partition }]) => {
      return { chain, durability: partition.settings.durability };
    });
  }

  /** Told of replicas that nobody counts on: what they have lost is no matter any more. */
  onReleased(listener: (key: string) => Promise<void>): void {
    this.#onReleased = listener;
  }

  /** Where this node's logs of these chains end, as far as it has them. */
  logEnds(keys: readonly string[]): LogEnd[] {
    return keys.flatMap((key) => {
      const replica = this.#seated.get(key)?.replica;
      if (replica === undefined) return [];
      return [{ key, from: this.#self, ...soundEnd(replica) }];
    });
  }

  /** What this node has of partitions, a page from a place on. */
  factsFrom(place: number): FactsPage {
    const facts: ReplicaFact[] = [];
    let at = -1;
    for (const [key, { replica }] of this.#seated) {
      at += 1;
      if (at < place || replica === undefined) continue;
      if (facts.length === factsPerPage) return { facts, next: at };
      const { logStart, end, log } = replica;
      facts.push({ key, logStart, end, sizeBytes: log.sizeBytes });
    }
    return { facts };
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
    if (config !== undefined && !isHere) await this.#openLeft(key, seated);
    const isKept = isHere || (config !== undefined && this.#mayNotGo(key, config, seated));
    if (config !== undefined && !isKept) await this.#giveUp(key, seated);
    if (isKept) await this.#hold(key, seated);
    this.#show(key, seated);
  }

  /** A partition has moved while this node was down: its files are looked at before they go. */
  async #openLeft(key: string, seated: Seated): Promise<void> {
    const { topic, partition } = seated;
    const wasLeft = this.#left.delete(formatPartitionName(topic.name, partition.index));
    if (!wasLeft || seated.replica !== undefined) return;
    try {
      seated.replica = await this.#open(key, seated);
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      const fields = { chain: key, why: error.message };
      this.#options.log.warn("files of a partition that has moved can not be opened", fields);
    }
  }

  /**
   * What is newer than the coordinator's state is not thrown away on its word, and nothing is while
   * nobody is up who has it.
   */
  #mayNotGo(key: string, config: ChainConfig, { replica }: Seated): boolean {
    return replica !== undefined && (isNewerThan(config, replica) || !this.#mayStartOver(key));
  }

  /** One that can not be held is one partition less: the node serves the others. */
  async #hold(key: string, seated: Seated): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#closeToGoOn(key, seated);
      seated.replica ??= await this.#open(key, seated);
      const isToBeMended = seated.unsoundFrom < Infinity || isUnsound(seated.replica);
      if (isToBeMended) await this.#mend(key, seated, seated.replica);
      if (this.#isReleased(key)) await this.#onReleased(key);
      seated.running ??= this.#run(key, seated.replica);
      const config = this.#configOf(key);
      if (config !== undefined) seated.running.configure(config);
      seated.failure = undefined;
      seated.tries.succeeded();
      if (seated.isMended && config !== undefined) await this.#noteFilled(seated, config);
    } catch (error) {
      if (!(error instanceof XylemError)) throw error;
      const { topic, partition } = seated;
      const fields = { topic: topic.name, partition: partition.index, why: error.message };
      log.error("this node's replica of a partition can not be used", fields);
      seated.failure = error;
      seated.running?.close();
      seated.running = undefined;
      seated.cancel();
      const pauseMs = seated.tries.failed(error);
      seated.cancel = this.#options.clock.schedule(pauseMs, () => this.#follow(key));
    }
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

  /** What can not be read again and again, and others have, begins anew; it stays aside. */
  async #open(key: string, seated: Seated): Promise<ReplicaLog> {
    const { storage, log } = this.#options;
    const { topic, partition, tries } = seated;
    const { index, settings } = partition;
    if (tries.areFilesUnusable && this.#mayStartOver(key)) {
      log.warn("a replica begins anew: its files can not be used", { chain: key });
      await storage.setAsidePartition(topic, index);
      tries.succeeded();
      seated.unsoundFrom = Infinity;
    }
    const replica = await storage.openReplica(topic, index, settings);
    seated.isMended ||= storage.aside.has(topic.name, index);
    if (replica.end < seated.committed) {
      const detail = `its log ends at ${replica.end}, ${seated.committed} was committed`;
      replica.halt(new XylemError("KAFKA_STORAGE_ERROR", detail));
    }
    seated.committed = 0;
    return replica;
  }

  /**
   * Once its chain goes on without it, a log is cut back to what of it is sound; until then it is
   * left as it is. The files that hold what goes stay aside until the chain has filled it again. A
   * torn log that its chain begins anew with is cut likewise: nobody could copy what has holes.
   */
  async #mend(key: string, seated: Seated, replica: ReplicaLog): Promise<void> {
    const { storage, log } = this.#options;
    const isTorn = this.#beginsTorn(key, replica);
    if (!isTorn && !this.#mayStartOver(key)) return;
    const { topic, partition } = seated;
    const { index, settings } = partition;
    seated.running?.close();
    seated.running = undefined;
    // Nobody is served from what is cut.
    this.#show(key, seated);
    const { end } = replica;
    seated.unsoundFrom = Math.min(seated.unsoundFrom, replica.unsoundFrom ?? Infinity);
    let open = replica;
    if (replica.log.stopped !== undefined) {
      seated.replica = undefined;
      open = seated.replica = await storage.reopenReplica(topic, index, settings);
    }
    const from = Math.min(seated.unsoundFrom, open.unsoundFrom ?? Infinity);
    const fields = { topic: topic.name, partition: index, from, end };
    if (isTorn) log.warn("a crash left holes in a log that is all there is: it is cut", fields);
    else log.warn("a replica is unsound: it is cut, and filled again by its chain", fields);
    await open.truncateUnsound(from);
    seated.unsoundFrom = Infinity;
    seated.isMended = true;
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

  async #noteFilled(seated: Seated, config: ChainConfig): Promise<void> {
    const { partition, replica } = seated;
    const role = roleOf(config, this.#self);
    if (role === "outsider" || role === "joiner") return;
    seated.isMended = false;
    await replica?.forgetSetAside();
    await this.#options.storage.aside.forget(partition.topic, partition.index);
    const fields = { topic: partition.topic, partition: partition.index };
    this.#options.log.info("a replica that was damaged is whole again", fields);
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
    await this.#remove(topic, partition.index);
  }

  #run(key: string, replica: ReplicaLog): RunningChain {
    const { cluster, runChain } = this.#options;
    return runChain(replica, { key, self: this.#self, isStanding: () => cluster.isStanding });
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
