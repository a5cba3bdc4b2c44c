import { formatUuid } from "../../../base/uuid.ts";
import { parsePartitionName } from "../../../broker/partition/partition-name.ts";
import { eraOf, restoredKey } from "../../../broker/cluster/replicas/restored-mark.ts";
import { isInternalTopic } from "../../../broker/topics/internal-topics.ts";
import { parseTopicEntry, topicsPrefix } from "../../../broker/topics/topic-entry.ts";
import {
  type ChainConfig,
  chainsPrefix,
  parseChainConfig,
} from "../../../replication/chain-config.ts";
import type { SimulatedStore } from "../../../simulation/simulated-store.ts";
import { topicOf } from "../checkers/checker.ts";
import { Losses } from "../checkers/losses.ts";
import type { HistoryEvent, PartitionKey } from "../history.ts";
import type { World } from "../world.ts";
import { Rots } from "./rots.ts";

/** Notes each change of a chain at the moment it is written, which no client sees. */
export class ChainWatch {
  readonly #world: World;
  readonly #store: SimulatedStore;
  readonly #losses = new Losses();
  readonly #chains = new Map<PartitionKey, ChainConfig>();
  /** The newest that were noted: a restored backup takes none back. */
  readonly #epochs = new Map<PartitionKey, number>();
  /** `min.insync.replicas`, by topic's id. */
  readonly #insync = new Map<string, number>();
  /** Ids of topics, by name. */
  readonly #topics = new Map<string, string>();
  readonly rots: Rots;
  #revision = 0;
  #seenCount = 0;

  constructor(world: World, store: SimulatedStore) {
    this.#world = world;
    this.#store = store;
    this.rots = new Rots(world);
    store.onChanged(() => this.#follow());
  }

  /** As they are at the coordinator. */
  get chains(): ReadonlyMap<PartitionKey, ChainConfig> {
    return this.#chains;
  }

  /** The partition whose files lie in a folder; undefined: no topic has that name now. */
  partitionIn(folder: string): PartitionKey | undefined {
    const parsed = parsePartitionName(folder);
    const topicId = parsed === undefined ? undefined : this.#topics.get(parsed.topic);
    return parsed === undefined || topicId === undefined ? undefined : `${topicId}-${parsed.index}`;
  }

  /**
   * Whether something would be lost with what a node has, of all partitions or of one, after all
   * that has befallen the others.
   */
  dependOn(nodeId: number, only?: PartitionKey): boolean {
    this.#catchUp();
    return this.#losses.dependOn(nodeId, only);
  }

  /** A flushed partition of which every member has lost its disk waits for a hand. */
  waitsForHand(partition: PartitionKey): boolean {
    this.#catchUp();
    return this.#losses.isLost(partition);
  }

  /** Names of topics of which nodes that left have left fewer replicas than commit anything. */
  get shortOfReplicas(): readonly string[] {
    const short = [...this.#chains].filter(([partition, { replicas, target = replicas }]) => {
      return target.length < (this.#insync.get(topicOf(partition)) ?? 1);
    });
    const ids = new Set(short.map(([partition]) => topicOf(partition)));
    return [...this.#topics].flatMap(([name, id]) => (ids.has(id) ? [name] : []));
  }

  #catchUp(): void {
    this.rots.look();
    const { history } = this.#world;
    for (; this.#seenCount < history.length; this.#seenCount += 1) {
      const event = history[this.#seenCount] as HistoryEvent;
      this.#losses.learn(event);
      this.#losses.take(this.#seenCount, event);
    }
  }

  #follow(): void {
    if (this.#store.revision < this.#revision) return this.#readAnew();
    const changes = this.#store.changesAfter(this.#revision) ?? [];
    this.#revision = this.#store.revision;
    for (const { key, value } of changes) {
      if (key.startsWith(chainsPrefix)) this.#noteChain(key, value);
      else if (key.startsWith(topicsPrefix)) this.#noteTopic(key.slice(topicsPrefix.length), value);
    }
  }

  /**
   * A backup was restored. Who counts on whom stays as it was until the controller has decided: the
   * newest log is still that of those whom the backup does not name.
   */
  #readAnew(): void {
    this.#revision = this.#store.revision;
    this.#chains.clear();
    this.#topics.clear();
    for (const { key, value } of this.#store.read(chainsPrefix).entries) {
      this.#chains.set(partitionOf(key), parseChainConfig(key, value));
    }
    for (const { key, value } of this.#store.read(topicsPrefix).entries) {
      this.#noteTopic(key.slice(topicsPrefix.length), value);
    }
  }

  #noteChain(key: string, value: string | null): void {
    const partition = partitionOf(key);
    if (value === null) {
      this.#chains.delete(partition);
      return this.#world.record({ kind: "chain", partition, epoch: -1, members: [] });
    }
    const config = parseChainConfig(key, value);
    this.#chains.set(partition, config);
    const { epoch, era = 0 } = config;
    const isOfBefore = era < eraOf(this.#store.find(restoredKey)?.value);
    // Somebody has changed what the backup says of it, which is older than what was so before.
    if (isOfBefore && epoch <= (this.#epochs.get(partition) ?? 0)) return;
    this.#epochs.set(partition, epoch);
    const members = config.members.map(({ id, incarnation }) => ({ nodeId: id, incarnation }));
    this.#world.record({ kind: "chain", partition, epoch, members });
    const shown = members.map(({ nodeId }) => nodeId).join(" ");
    const joining = config.joining.map(({ id }) => id).join(" ");
    this.#world.tell("chain", `${partition} epoch ${epoch}: ${shown}, joining: ${joining}`);
  }

  #noteTopic(name: string, value: string | null): void {
    this.#topics.delete(name);
    if (value === null) return;
    const { id, partitions, configs } = parseTopicEntry(name, value);
    const topicId = formatUuid(id);
    this.#topics.set(name, topicId);
    const replicas = Number(configs.get("min.insync.replicas") ?? 1);
    if (this.#insync.get(topicId) !== replicas) {
      this.#insync.set(topicId, replicas);
      this.#world.record({ kind: "insyncSet", topicId, replicas });
      this.#world.tell("chain", `${name} commits in chains of ${replicas} or more`);
    }
    // Clients make all others, and tell of them.
    if (!isInternalTopic(name)) return;
    const rules = { durability: "fsync", hasRetention: false, isCompacted: true } as const;
    this.#world.record({ kind: "topicCreated", topicId, name, partitions, rules });
  }
}

function partitionOf(key: string): PartitionKey {
  return key.slice(chainsPrefix.length).replace("/", "-");
}
