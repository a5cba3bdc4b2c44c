import { XylemError } from "../../base/errors.ts";
import { formatUuid } from "../../base/uuid.ts";
import { chainKey, formatChainConfig, holderIds } from "../../replication/chain-config.ts";
import { assignReplicas } from "../../replication/placement/assign-replicas.ts";
import { canHold } from "../../replication/placement/seat.ts";
import type { Compare, Coordinator, Write } from "../ports/coordinator.ts";
import { readEntry } from "../ports/read-entry.ts";
import { transactionBytesMax, transactionKeysMax } from "../ports/transaction-bounds.ts";
import type { LiveTopic, Topic } from "../topics/live-topic.ts";
import { collision } from "../topics/check-new-name.ts";
import type { Assignment, TopicChains } from "../topics/topic-chains.ts";
import { collisionName } from "../topics/topic-name.ts";
import {
  deletedKey,
  formatDeletedTopic,
  formatTopicEntry,
  topicKey,
  type TopicEntry,
} from "../topics/topic-entry.ts";
import { changedMeanwhile } from "../topics/write-topic.ts";
import type { Cluster } from "./cluster.ts";

/** Chains that one transaction writes beside the topic's entry and what stands for it. */
const chainsPerWriteMax = transactionKeysMax - 4;
/** Their bytes, which leaves room for an entry with all its configs. */
const chainBytesMax = transactionBytesMax / 2;
/** Kafka begins there too: a client that knows no epoch has -1, a log without a chain 0. */
const firstEpoch = 1;

/** Kept while a topic of many partitions is written, bound to the lease of the node that writes. */
export const makingKey = (topicId: string): string => `making/${topicId}`;

/**
 * Topics of a cluster: their entries and chains in the coordinator. A transaction takes few keys,
 * so the chains of a large topic come before its entry and are nobody's until it is there.
 */
export class ChainedTopics implements TopicChains {
  readonly nodeId: number;
  readonly #coordinator: Coordinator;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, coordinator: Coordinator) {
    this.nodeId = cluster.nodeId;
    this.#cluster = cluster;
    this.#coordinator = coordinator;
  }

  nodeIds(): readonly number[] {
    return this.#seats().map(({ id }) => id);
  }

  seatCount(): number {
    return this.#cluster.image.seats.filter(canHold).length;
  }

  assign(asked: { readonly count: number; readonly replicas: number }): Assignment {
    this.#checkFormed();
    const { image } = this.#cluster;
    const seats = this.#seats();
    const staying = seats.filter(({ id }) => image.node(id)?.isDraining === false);
    // Who is about to stop takes part only where the others are too few.
    return assignReplicas(asked, staying.length < asked.replicas ? seats : staying, image.loads);
  }

  replicaCount(topic: Pick<Topic, "id" | "settings">): number {
    if (topic.settings.replicas === "all") return this.#seats().length;
    const chain = this.#cluster.image.chain(formatUuid(topic.id), 0);
    return chain?.config.replicas.length ?? 1;
  }

  async make(topic: LiveTopic, entry: TopicEntry, assignment: Assignment): Promise<void> {
    this.#checkFormed();
    const parts = inParts(this.#chainsOf(topic, assignment, 0));
    const last = parts.pop() ?? [];
    const making = await this.#begin(topic, parts);
    const key = topicKey(topic.name);
    const names = namesOf(topic);
    const compares = [{ key, revision: 0 }, ...names.map(toNew), ...making];
    const done = making.map((one): Write => ({ key: one.key, value: null }));
    const writes = [{ key, value: formatTopicEntry(entry) }, ...names, ...last, ...done];
    const revision = await this.#coordinator.transact(compares, writes);
    if (revision === undefined) {
      await this.#clear([...parts, done]);
      await this.#checkCollision(topic);
      throw changedMeanwhile(topic);
    }
    await this.#written(topic, entry, revision);
  }

  async grow(topic: LiveTopic, entry: TopicEntry, assignment: Assignment): Promise<void> {
    const parts = inParts(this.#chainsOf(topic, assignment, topic.storedCount));
    const last = parts.pop() ?? [];
    const key = topicKey(topic.name);
    const compares = [{ key, revision: topic.revision }];
    // Past the entry's count a chain is nobody's, whoever left it there.
    for (const part of parts) {
      const isWritten = await this.#coordinator.transact(compares, part);
      if (isWritten === undefined) throw changedMeanwhile(topic);
    }
    const writes = [{ key, value: formatTopicEntry(entry) }, ...last];
    const revision = await this.#coordinator.transact(compares, writes);
    if (revision === undefined) throw changedMeanwhile(topic);
    await this.#written(topic, entry, revision);
  }

  async forget(topic: LiveTopic): Promise<void> {
    const id = formatUuid(topic.id);
    const holders = new Set<number>();
    const chains: Write[] = [];
    // Either may be more: an opening failed here, or the coordinator was restored from a backup.
    const count = Math.max(topic.partitions.length, topic.storedCount);
    for (let index = 0; index < count; index += 1) {
      chains.push({ key: chainKey(id, index), value: null });
      const config = this.#cluster.image.chain(id, index)?.config;
      for (const nodeId of config === undefined ? [] : holderIds(config)) holders.add(nodeId);
    }
    const key = topicKey(topic.name);
    const note = formatDeletedTopic({ name: topic.name, nodeIds: [...holders].sort(ascending) });
    const [first = [], ...others] = inParts(chains);
    const revision = await this.#coordinator.transact(
      [{ key, revision: topic.revision }],
      [
        { key, value: null },
        { key: deletedKey(topic.id), value: note },
        ...namesOf(topic).map((name) => ({ ...name, value: null })),
        ...first,
      ],
    );
    if (revision === undefined) throw changedMeanwhile(topic);
    await this.#clear(others);
    await this.#cluster.feed.whenReached(revision);
  }

  catchUp(name: string): Promise<void> {
    return this.#cluster.feed.catchUp(topicKey(name));
  }

  /** Throws INVALID_TOPIC_EXCEPTION if another node was quicker with a name that collides. */
  async #checkCollision(topic: LiveTopic): Promise<void> {
    for (const { key } of namesOf(topic)) {
      const entry = await readEntry(this.#coordinator, key);
      const rival = entry?.value ?? topic.name;
      if (rival !== topic.name) throw collision(topic.name, rival);
    }
  }

  /** As many nodes have come as the cluster was told to wait for; some may be down or gone. */
  #checkFormed(): void {
    const { image, expectedNodes } = this.#cluster;
    const { cameCount } = image;
    if (cameCount >= expectedNodes) return;
    const detail = `${cameCount} of ${expectedNodes} nodes have come (cluster.expect)`;
    throw new XylemError("NOT_ENOUGH_REPLICAS", detail);
  }

  /** Nodes that may be given replicas now: those with a seat that are up. */
  #seats() {
    const { image } = this.#cluster;
    return image.seats.filter((seat) => canHold(seat) && image.node(seat.id) !== undefined);
  }

  #chainsOf({ id, settings }: LiveTopic, assignment: Assignment, first: number): Write[] {
    const { image, restored } = this.#cluster;
    return assignment.map((replicas, at) => {
      const members = replicas.map((nodeId) => {
        const node = image.node(nodeId);
        if (node?.lineages === undefined) {
          throw new XylemError("BROKER_NOT_AVAILABLE", `Node ${nodeId} is down`);
        }
        const lineage = node.lineages[settings.durability];
        return { id: nodeId, incarnation: node.incarnation, lineage };
      });
      // A further partition may be one that the backup does not know: it waits for who does.
      const era = first === 0 ? restored.era : 0;
      const ever = era === 0 ? {} : { era };
      const fresh = { epoch: firstEpoch, joining: [], leaving: [], unclean: 0, ...ever };
      const key = chainKey(formatUuid(id), first + at);
      return { key, value: formatChainConfig({ ...fresh, members, replicas }) };
    });
  }

  /** Writes the chains that the last transaction has no room for; answers what it compares. */
  async #begin(topic: LiveTopic, parts: readonly (readonly Write[])[]): Promise<Compare[]> {
    if (parts.length === 0) return [];
    const { lease } = this.#cluster.membership;
    if (lease === undefined) throw new XylemError("NOT_CONTROLLER", "This node has no lease");
    const key = makingKey(formatUuid(topic.id));
    const making = { key, value: topic.name, lease };
    const begun = await this.#coordinator.transact([{ key, revision: 0 }], [making]);
    if (begun === undefined) throw changedMeanwhile(topic);
    const compares = [{ key, revision: begun }];
    for (const part of parts) {
      const isWritten = await this.#coordinator.transact(compares, part);
      if (isWritten === undefined) throw changedMeanwhile(topic);
    }
    return compares;
  }

  async #clear(parts: readonly (readonly Write[])[]): Promise<void> {
    for (const part of parts) {
      if (part.length === 0) continue;
      const writes = part.map(({ key }) => ({ key, value: null }));
      await this.#coordinator.transact([], writes);
    }
  }

  async #written(topic: LiveTopic, entry: TopicEntry, revision: number): Promise<void> {
    topic.stored(entry, revision);
    await this.#cluster.feed.whenReached(revision);
  }
}

/** What keeps names that differ only in `.` and `_` apart, whichever nodes make them at once. */
export function namesOf({ name }: Pick<Topic, "name">): readonly (Write & { value: string })[] {
  const mayCollide = name.includes(".") || name.includes("_");
  return mayCollide ? [{ key: `names/${collisionName(name)}`, value: name }] : [];
}

const toNew = ({ key }: Write): Compare => ({ key, revision: 0 });

/** As many in each part as one transaction takes. */
function inParts(chains: readonly Write[]): Write[][] {
  const longest = Math.max(1, ...chains.map(({ key, value }) => key.length + (value ?? "").length));
  const most = Math.max(1, Math.min(chainsPerWriteMax, Math.floor(chainBytesMax / longest)));
  const parts: Write[][] = [];
  for (let at = 0; at < chains.length; at += most) parts.push(chains.slice(at, at + most));
  return parts;
}

const ascending = (a: number, b: number): number => a - b;
