import type { CoordinatorFeed } from "../cluster/coordinator-feed.ts";
import type { UnreadableEntries } from "../cluster/unreadable-entries.ts";
import type { LiveTopic, Topic } from "./live-topic.ts";
import type { TopicEntry } from "./topic-entry.ts";

/** The nodes that hold each partition, by its index; the first one is the preferred head. */
export type Assignment = readonly (readonly number[])[];

/**
 * What a cluster does about a topic's partitions: each gets replicas and a chain. All writes are of
 * the coordinator; what was written is known to this node when a call resolves.
 */
export interface TopicChains {
  readonly nodeId: number;
  /** Nodes that may be given replicas: they are up. */
  nodeIds(): readonly number[];
  /** How many nodes hold replicas, be they up or not; who was removed for good does not count. */
  seatCount(): number;
  /** How many replicas the topic's partitions have. */
  replicaCount(topic: Pick<Topic, "id" | "settings">): number;
  /** Where further partitions go. Throws INVALID_REPLICATION_FACTOR. */
  assign(asked: { readonly count: number; readonly replicas: number }): Assignment;
  /** The topic and all its chains, at one revision to everybody. Throws TOPIC_ALREADY_EXISTS. */
  make(topic: LiveTopic, entry: TopicEntry, assignment: Assignment): Promise<void>;
  /** The same for the partitions that `entry` has more. Throws NOT_CONTROLLER. */
  grow(topic: LiveTopic, entry: TopicEntry, assignment: Assignment): Promise<void>;
  /** The topic and its chains are gone; each node that holds some of it is to remove its files. */
  forget(topic: LiveTopic): Promise<void>;
  /** Resolves when this node has begun to apply what was so of a topic when it was called. */
  catchUp(name: string): Promise<void>;
}

/** What topics of a cluster are made and followed with. */
export interface ClusterParts {
  readonly chains: TopicChains;
  readonly feed: CoordinatorFeed;
  readonly unreadable: UnreadableEntries;
}
