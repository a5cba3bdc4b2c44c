import type { Clock } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import type { ChainConfig } from "../../../replication/chain-config.ts";
import type { Peer } from "../../../replication/chain-input.ts";
import { isDeposed } from "../../../replication/lease-term.ts";
import type { ReplicaLog } from "../../partition/replica/replica-log.ts";
import type { ReplicaStorage, TopicKey } from "../../ports/partition-storage.ts";
import type { Cluster } from "../cluster.ts";
import { isHolder } from "./is-holder.ts";
import { MendableLog } from "./mendable-log.ts";
import type { PlacedPartition } from "./placed-partition.ts";
import { ChainVerdict } from "./replica-mending.ts";
import type { RestoredChains } from "./restored-chains.ts";
import type { ChainPlace, RunChain, RunningChain } from "./running-chain.ts";

/** What all replicas of a node share. */
export interface ReplicaKeeping {
  readonly cluster: Cluster;
  readonly storage: ReplicaStorage;
  readonly restored: RestoredChains;
  readonly runChain: RunChain;
  readonly clock: Clock;
  readonly log: Log;
  /** Nobody counts on this replica: what it has lost is no matter any more. */
  readonly onReleased: (key: string) => Promise<void>;
  /** Calls `follow` again, in its turn. */
  readonly again: (key: string) => void;
  /** Takes its files away. */
  readonly remove: (topic: TopicKey, index: number) => Promise<void>;
}

/**
 * What this node has of one partition: a replica that is run as its chain says, or only a place.
 * Its log is opened where the chain has given it to this node, mended once the chain goes on
 * without it, and given up where the chain has moved away.
 */
export class KeptReplica {
  readonly key: string;
  readonly topic: TopicKey;
  readonly partition: PlacedPartition;
  readonly #keeping: ReplicaKeeping;
  readonly #log: MendableLog;
  #running: RunningChain | undefined;
  #failure: XylemError | undefined;
  /** The coordinator was restored: what its chain says is not done yet. */
  #isHeldBack = false;
  /** Ends the wait for the next try. */
  #cancel = (): void => {};

  /** `key`: as of `chainKey`. */
  constructor(key: string, topic: TopicKey, partition: PlacedPartition, keeping: ReplicaKeeping) {
    this.key = key;
    this.topic = topic;
    this.partition = partition;
    this.#keeping = keeping;
    this.#log = new MendableLog(keeping, topic, partition);
  }

  /** Undefined: its log is not open. */
  get replica(): ReplicaLog | undefined {
    return this.#log.replica;
  }

  /** Undefined: it is not known yet, or its topic is being deleted. */
  get config(): ChainConfig | undefined {
    return this.#keeping.cluster.image.chains.get(this.key)?.config;
  }

  /** Its log can not be opened. */
  get isUnopened(): boolean {
    return this.replica === undefined && this.#failure !== undefined;
  }

  /** No log of it was found here, or failed, while what its chain says is not done yet. */
  get isWithoutLog(): boolean {
    return this.#isHeldBack && this.replica === undefined && !this.isUnopened;
  }

  /**
   * What it has lost, or may have, of what it had told others of, and nobody has given up: what was
   * flushed or, where a topic answers before that, what was written. Of such a one nobody knows
   * while the log can not be opened: its disk may have dropped pages.
   */
  get loss(): "flushed" | "written" | undefined {
    const { replica } = this;
    const isOs = this.partition.settings.durability === "os";
    if (replica === undefined) return this.#failure !== undefined && isOs ? "flushed" : undefined;
    if (replica.lostUpTo > this.#verdict.givenUpBelow(replica)) return "flushed";
    return replica.hasLostPages && isOs ? "written" : undefined;
  }

  /** As of ChainPlace; asked at each use. */
  get isStanding(): boolean {
    const { epoch } = this.#running ?? noEpoch;
    const { config } = this;
    const { cluster } = this.#keeping;
    if (config !== undefined && cluster.restored.isOfBackup(config)) return false;
    return cluster.isStanding && !isDeposed(config, { epoch, self: this.#self });
  }

  /** Does as the chain says; what can not be done is tried again later. */
  follow(config: ChainConfig): Promise<void> {
    const backedUp = this.#backedUp();
    this.#isHeldBack = backedUp !== undefined;
    if (backedUp !== undefined) return this.#holdBack(backedUp);
    // Nothing is thrown away while nobody is up who has it.
    const mayNotGo = this.replica !== undefined && !this.#verdict.mayStartOver;
    const isHere = isHolder(config, this.#keeping.cluster.nodeId);
    return isHere || mayNotGo ? this.#hold() : this.#giveUp(config);
  }

  /** This node's lease was lost or regained. */
  review(): void {
    this.#running?.review();
    this.partition.reconsider();
  }

  /** What clients see of it. */
  show(): void {
    const { config, replica } = this;
    const headId = config && this.#keeping.cluster.image.headOf(config)?.id;
    this.#log.catchUp();
    this.partition.place({
      epoch: config?.epoch ?? -1,
      headId: headId ?? -1,
      log: replica?.log,
      // A deleted topic may still have to be dropped here, and its name be another's by now.
      isServed: config !== undefined && this.#running?.isServing === true,
      chain: this.#running,
      failure: this.#failure,
    });
  }

  /** No further try is made until it is told to follow. */
  cancel(): void {
    this.#cancel();
  }

  /** It is run no longer; its log stays open. */
  close(): void {
    this.#cancel();
    this.#running?.close();
  }

  /** Throws what `openReplica` does. */
  open(): Promise<ReplicaLog> {
    const isNew = this.config !== undefined && this.#keeping.restored.isNew(this.key);
    return this.#log.open(() => this.#verdict.mayStartOver, isNew);
  }

  /** One that can not be held is one partition less: the node serves the others. */
  async #hold(): Promise<void> {
    const { restored, runChain } = this.#keeping;
    try {
      await this.#closeToGoOn();
      let replica = this.replica ?? (await this.open());
      if (this.#backedUp() === undefined) {
        replica = await this.#heal(replica);
        if (this.config !== undefined) await restored.begin(this.key, this.config);
      }
      // The coordinator may have been restored while that lasted.
      const backedUp = this.#backedUp();
      if (backedUp !== undefined) return await this.#holdBack(backedUp);
      this.#running ??= runChain(replica, this.#place);
      const { config } = this;
      if (config !== undefined) {
        restored.note(this.key, config);
        this.#running.configure(config);
      }
      this.#failure = undefined;
      this.#log.tries.succeeded();
      if (this.#log.isToBeFilled && this.#verdict.isOfMember) await this.#log.noteFilled();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What its chain says, where a restored coordinator has it so: it is not to be done yet. */
  #backedUp(): ChainConfig | undefined {
    const { config, replica } = this;
    if (config === undefined) return undefined;
    return this.#keeping.restored.isHeldBack(this.key, config, replica) ? config : undefined;
  }

  /** What there is stays, and is told, until the controller has written the chain anew. */
  async #holdBack(config: ChainConfig): Promise<void> {
    const { cluster, restored } = this.#keeping;
    this.#isHeldBack = true;
    this.#stop();
    const isHere = isHolder(config, cluster.nodeId);
    try {
      if (isHere && !restored.isGone(this.key) && this.replica === undefined) await this.open();
      this.#failure = undefined;
      await restored.tell(this.#place, config, this.replica);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #giveUp(config: ChainConfig): Promise<void> {
    const { restored, remove } = this.#keeping;
    this.#running?.close();
    restored.untell(this.#place);
    if (this.replica === undefined) return;
    try {
      await restored.noteGone(this.key, config);
    } catch (error) {
      return this.#failed(error);
    }
    this.#running = undefined;
    this.#failure = undefined;
    this.#log.giveUp();
    // Nobody is served from files that go.
    this.show();
    await remove(this.topic, this.partition.index);
  }

  /** The last of a chain whose disk was full goes on in a new epoch, from what it has written. */
  async #closeToGoOn(): Promise<void> {
    const { storage, log } = this.#keeping;
    if (this.replica === undefined || !this.#verdict.isToGoOn(this.replica)) return;
    log.info("a replica that its disk had no room for goes on alone", { chain: this.key });
    this.#stop();
    this.#log.letGo();
    this.show();
    await storage.leavePartition(this.topic, this.partition.index);
  }

  /** What is lost of it is mended, or nobody's matter any more. Answers the log as it is then. */
  async #heal(replica: ReplicaLog): Promise<ReplicaLog> {
    const healed = this.#log.isToBeMended ? await this.#mend(replica) : replica;
    const isReleased = this.#backedUp() === undefined && this.#verdict.isReleased;
    if (isReleased) await this.#keeping.onReleased(this.key);
    return healed;
  }

  async #mend(replica: ReplicaLog): Promise<ReplicaLog> {
    const isTorn = this.#verdict.isToBeginWhole(replica);
    if (!isTorn && !this.#verdict.mayStartOver) return replica;
    this.#stop();
    // Nobody is served from what is cut.
    this.show();
    return await this.#log.mend(replica, isTorn);
  }

  #failed(error: unknown): void {
    if (!(error instanceof XylemError)) throw error;
    const { log, clock, again } = this.#keeping;
    const fields = { topic: this.topic.name, partition: this.partition.index, why: error.message };
    log.error("this node's replica of a partition can not be used", fields);
    this.#failure = error;
    this.#stop();
    this.#cancel();
    const { tries } = this.#log;
    this.#cancel = clock.schedule(tries.failed(error), () => {
      tries.waited();
      again(this.key);
    });
  }

  #stop(): void {
    this.#running?.close();
    this.#running = undefined;
  }

  /** What its chain says of it now. */
  get #verdict(): ChainVerdict {
    return new ChainVerdict(this.config, this.#self, this.#keeping.cluster.image);
  }

  get #self(): Peer {
    const { nodeId: id, incarnation } = this.#keeping.cluster;
    return { id, incarnation };
  }

  get #place(): ChainPlace {
    return { key: this.key, self: this.#self, isStanding: () => this.isStanding };
  }
}

/** Of a replica that does not run. */
const noEpoch = { epoch: -1 };
