import type { ClientRecord } from "./record-json.ts";

/** What a node says of itself at `/healthz` and `/readyz`. */
export interface NodeHealth {
  readonly status: string;
  readonly nodeId: number;
  readonly clusterId: string;
  /** Why it is not ready. */
  readonly reason?: string;
}

export interface ClusterDescription {
  readonly clusterId: string;
  /** The node that answered. */
  readonly nodeId: number;
  readonly controllerId: number;
  readonly topics: number;
  readonly partitions: number;
  readonly nodes: readonly {
    readonly nodeId: number;
    readonly rack: string | null;
    readonly status: string;
    readonly heads: number;
    readonly replicas: number;
    readonly addresses: Readonly<Record<string, string>>;
  }[];
}

/** A config's value as people write it. */
export type ConfigValue = string | number | boolean;
export type NewConfigs = Readonly<Record<string, ConfigValue>>;
/** Null gives a config back to its default. */
export type ConfigChanges = Readonly<Record<string, ConfigValue | null>>;

export interface Config {
  readonly name: string;
  readonly value: string | null;
  readonly source: string;
  readonly type: string;
  readonly isReadOnly: boolean;
  readonly isSensitive: boolean;
  readonly help: string;
  readonly synonyms: readonly {
    readonly name: string;
    readonly value: string | null;
    readonly source: string;
  }[];
}

export interface ListedTopic {
  readonly name: string;
  readonly id: string;
  readonly isInternal: boolean;
  readonly partitions: number;
}

export interface TopicDescription {
  readonly name: string;
  readonly id: string;
  readonly isInternal: boolean;
  readonly configs: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  readonly partitions: readonly PartitionDescription[];
}

export interface PartitionDescription {
  readonly partition: number;
  /** Offsets and bytes are told by the node that serves the partition. */
  readonly logStart?: number;
  readonly highWatermark?: number;
  readonly lastStable?: number;
  readonly sizeBytes?: number;
  readonly leaderEpoch: number;
  /** The node that serves it; -1: none at the moment. */
  readonly leader: number;
  /** What the node that answered is in its chain: solo, head, middle, tail, joiner or outsider. */
  readonly role: string;
  /** Nodes that hold it and are up, head first. */
  readonly chain: readonly number[];
  /** Nodes that it is assigned to, the preferred head first. */
  readonly replicas: readonly number[];
  /** Of the replicas those that come and those that go, while it moves. */
  readonly adding?: readonly number[];
  readonly removing?: readonly number[];
  readonly segments?: readonly {
    readonly baseOffset: number;
    readonly endOffset: number;
    readonly sizeBytes: number;
  }[];
}

export interface BucketDescription {
  readonly name: string;
  readonly configs: Readonly<Record<string, string>>;
  readonly topics: number;
  readonly sizeBytes: number;
}

/** Where a record was put. */
export interface AppendedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
}

export interface Appended {
  /** In the order in which they were given. */
  readonly records: readonly AppendedRecord[];
  /** Whether all are on disk, not only in memory. */
  readonly durable: boolean;
}

/** Records of one partition. */
export interface Page {
  readonly records: readonly ClientRecord[];
  /** Where the next read goes on. */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStable: number;
  readonly logStart: number;
  readonly wasReset: boolean;
}

/** Offsets that were no longer in the log, and where the reading went on. */
export interface Moved {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** A topic, or a partition, that gives no more. */
export interface Ended {
  readonly topic: string;
  readonly partition?: number;
  readonly code: string;
  readonly detail: string;
}

/** Records of several topics. */
export interface ManyPage {
  readonly records: readonly ClientRecord[];
  /** Where the next page begins. */
  readonly cursor: string;
  readonly moved: readonly Moved[];
  readonly ended: readonly Ended[];
}

export interface GroupList {
  readonly groups: readonly ListedGroup[];
  /** There may be more. */
  readonly isPartial: boolean;
  /** Nodes that are up and did not tell of all of theirs, and why. */
  readonly missing: readonly { readonly node: number; readonly why: string }[];
}

export interface ListedGroup {
  readonly group: string;
  readonly kind: "classic" | "consumer";
  readonly state: string;
  readonly protocolType: string;
}

export type Assignment = readonly {
  readonly topic: string;
  readonly partitions: readonly number[];
}[];

export interface GroupDescription {
  readonly group: string;
  readonly kind: "classic" | "consumer";
  readonly state: string;
  readonly epoch: number | null;
  readonly members: readonly {
    readonly member: string;
    readonly clientId: string;
    readonly clientHost: string;
    readonly assignment: Assignment | null;
  }[];
}

/** The next offset of a partition: everything below it is acknowledged. */
export interface GroupPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface GroupOffset extends GroupPosition {
  readonly end: number | null;
  readonly lag: number | null;
  readonly metadata: string;
}

export interface GroupFetched {
  readonly member: string;
  readonly epoch: number;
  /** It is new in the group, or was taken for gone meanwhile. */
  readonly joined: boolean;
  readonly assignment: Assignment;
  readonly records: readonly ClientRecord[];
  readonly cursor: string;
}

export interface GroupAcked {
  readonly member: string;
  readonly epoch: number;
  readonly offsets: readonly GroupPosition[];
}
