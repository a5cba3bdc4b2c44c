import type { Codec } from "../../support/kcat.ts";

export interface SentRecord {
  readonly key?: string;
  readonly value: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly partition?: number;
}

export interface ReceivedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SendOptions {
  readonly codec?: Codec;
  readonly isIdempotent?: boolean;
}

export interface JoinOptions {
  readonly groupId: string;
  readonly topic: string;
  readonly onRecord: (record: ReceivedRecord) => void;
}

/** One consumer of a group. */
export interface GroupMember {
  /** Commits what was handed out, leaves the group and closes its connections. */
  leave(): Promise<void>;
}

/** A group as the broker describes it: which partitions each member owns. */
export interface GroupDescription {
  readonly state: string;
  readonly owned: ReadonlyMap<string, readonly number[]>;
}

/** What the suite asks of a client library; one implementation for each library. */
export interface NodeClient {
  send(topic: string, records: readonly SentRecord[], options?: SendOptions): Promise<void>;
  join(options: JoinOptions): Promise<GroupMember>;
  /** Reads `count` records of one partition from `offset` on, by seeking there. */
  readFrom(topic: string, place: ReadPlace): Promise<ReceivedRecord[]>;
  createTopic(topic: string, partitions: number, configs?: Record<string, string>): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
  listTopics(): Promise<string[]>;
  findConfig(topic: string, name: string): Promise<string | undefined>;
  changeConfig(topic: string, name: string, value: string): Promise<void>;
  committedOffset(groupId: string, topic: string, partition: number): Promise<number>;
  describeGroup(groupId: string): Promise<GroupDescription>;
  close(): Promise<void>;
}

export interface ReadPlace {
  readonly partition: number;
  readonly offset: number;
  readonly count: number;
}
