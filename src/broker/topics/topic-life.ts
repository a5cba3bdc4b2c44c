import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { Log } from "../../base/log.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import type { PartitionStorage } from "../ports/partition-storage.ts";
import type { LiveTopic } from "./live-topic.ts";
import { openPartitions } from "./open-partitions.ts";
import type { Assignment, TopicChains } from "./topic-chains.ts";
import type { TopicEntry } from "./topic-entry.ts";
import { finishDeletion, forgetFiles, isNoted, noteFiles, writeTopic } from "./write-topic.ts";

export interface TopicLifeOptions {
  readonly coordinator: Coordinator;
  readonly storage: PartitionStorage;
  readonly log: Log;
  /** Of a cluster; without it a topic lives here, on one node. */
  readonly chains?: TopicChains | undefined;
}

/** Puts files of a new topic in place and opens its partitions. */
export type Preparation = (topic: LiveTopic) => Promise<void>;

/** The most partitions of a topic that are removed at a time. */
const removingMax = 64;

/**
 * What happens to one topic: its entry in the coordinator and its files, in an order that leaves
 * a crash in between with nothing or with the whole. Callers see to it that changes of one name
 * run one after the other.
 */
export class TopicLife {
  readonly #options: TopicLifeOptions;

  constructor(options: TopicLifeOptions) {
    this.#options = options;
  }

  /**
   * Makes it durable and opens its partitions; in a cluster they have an assignment. Throws
   * TOPIC_ALREADY_EXISTS.
   */
  async make(topic: LiveTopic, entry: TopicEntry, assignment: Assignment = []): Promise<void> {
    const { coordinator, chains } = this.#options;
    if (chains === undefined) await writeTopic(coordinator, topic, entry);
    else await chains.make(topic, entry, assignment);
    try {
      topic.partitions = await this.#open(topic, 0, entry.partitions);
    } catch (error) {
      await this.forget(topic);
      await this.removeFiles(topic, entry.partitions);
      throw error;
    }
  }

  /** The same for a topic that begins with files; its partitions are open when they are there. */
  async makePrepared(topic: LiveTopic, entry: TopicEntry, prepare: Preparation): Promise<void> {
    const { coordinator, chains } = this.#options;
    if (chains !== undefined) {
      const why = "In a cluster a topic can not be forked: its records lie on several nodes.";
      throw new XylemError("INVALID_REQUEST", why);
    }
    try {
      await coordinator.transact([], [noteFiles(topic)]);
      await prepare(topic);
      await writeTopic(coordinator, topic, entry, [forgetFiles(topic)]);
    } catch (error) {
      await this.removeFiles(topic, entry.partitions);
      throw error;
    }
  }

  /** Adds the partitions up to that of `entry`; without them all is as before. */
  async grow(topic: LiveTopic, entry: TopicEntry, assignment: Assignment = []): Promise<void> {
    const { coordinator, chains } = this.#options;
    const before = topic.storedCount;
    if (chains === undefined) await writeTopic(coordinator, topic, entry);
    else await chains.grow(topic, entry, assignment);
    try {
      await this.openFurther(topic, entry.partitions);
    } catch (error) {
      // What other nodes have opened by now stays.
      if (chains !== undefined) throw error;
      await writeTopic(coordinator, topic, { ...entry, partitions: before });
      for (let index = before; index < entry.partitions; index++) {
        await this.#options.storage.removePartition(topic, index);
      }
      throw error;
    }
  }

  /** Replaces the entry of a topic that stays as large as it is. */
  async rewrite(topic: LiveTopic, change: Partial<TopicEntry>): Promise<void> {
    await writeTopic(this.#options.coordinator, topic, { ...entryOf(topic), ...change });
  }

  /** After it nobody knows the topic any more; its files are still to go. */
  async forget(topic: LiveTopic): Promise<void> {
    const { coordinator, chains } = this.#options;
    if (chains === undefined) await writeTopic(coordinator, topic, null);
    else await chains.forget(topic);
  }

  /** Files that cannot be removed now are removed at the next start. */
  async removeFiles(topic: LiveTopic, count: number): Promise<void> {
    const { coordinator, storage, log, chains } = this.#options;
    try {
      const indexes = Array.from({ length: count }, (_, index) => index);
      await inParallel(indexes, removingMax, async (index) => {
        await storage.removePartition(topic, index);
      });
      await finishDeletion(coordinator, topic.id, chains?.nodeId);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn("files of a deleted topic are still there", { topic: topic.name, why });
    }
  }

  /**
   * The coordinator knows a topic no longer. Its files go if a note says that it was deleted; else
   * the coordinator has lost it, as one does that was emptied or restored from an old backup, and
   * what is here may be all that is left: it stays, as at a start that finds it.
   */
  async drop(topic: LiveTopic): Promise<void> {
    const { storage, log } = this.#options;
    const count = topic.partitions.length;
    if (await this.#isDeleted(topic)) return await this.removeFiles(topic, count);
    const indexes = Array.from({ length: count }, (_, index) => index);
    let left = 0;
    await inParallel(indexes, removingMax, async (index) => {
      if (await storage.leavePartition(topic, index)) left += 1;
    });
    if (left === 0) return;
    const fields = { topic: topic.name, partitions: left };
    log.error("the coordinator lost a topic that nobody deleted; its files are kept", fields);
  }

  /** What can not be asked is not known: the next start asks again. */
  async #isDeleted(topic: LiveTopic): Promise<boolean> {
    const { coordinator, log } = this.#options;
    try {
      return await isNoted(coordinator, topic.id);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn("it is not known whether a topic was deleted", { topic: topic.name, why });
      return false;
    }
  }

  /** Opens the partitions that an entry says are there, besides those that are open. */
  async openFurther(topic: LiveTopic, count: number): Promise<void> {
    if (count <= topic.partitions.length) return;
    const added = await this.#open(topic, topic.partitions.length, count);
    topic.partitions = [...topic.partitions, ...added];
  }

  #open(topic: LiveTopic, first: number, end: number) {
    return openPartitions(this.#options.storage, topic, { first, end });
  }
}

/** The entry of a topic as it is, with the partitions of which the coordinator knows. */
export function entryOf({ id, configs, isDense, storedCount }: LiveTopic): TopicEntry {
  return { id, partitions: storedCount, configs, isDense };
}
