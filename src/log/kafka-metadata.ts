import { ByteReader } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";
import { formatUuid } from "../base/uuid.ts";
import {
  ConfigRecord,
  PartitionRecord,
  RemoveTopicRecord,
  TopicRecord,
} from "../protocol/messages/metadata-record.ts";

import type { MessageCodec } from "../protocol/schema/message.ts";

/** Kafka's numbers of what has configs. */
const resourceKinds = { 2: "topic", 4: "broker", 32: "group" } as const;

export type MetadataResource = (typeof resourceKinds)[keyof typeof resourceKinds];

/** Frame of every record's value; its only version so far. */
const frameVersion = 1;
/** Marks around records that count together or not at all (KIP-868). */
const marks = { begin: 23, end: 24, abort: 25 } as const;

export interface MetadataTopic {
  readonly name: string;
  /** As text. */
  readonly id: string;
  /** Replicas by partition. */
  readonly partitions: ReadonlyMap<number, readonly number[]>;
}

interface MutableTopic extends MetadataTopic {
  readonly partitions: Map<number, readonly number[]>;
}

interface Entry {
  readonly type: number;
  readonly version: number;
  readonly reader: ByteReader;
}

/**
 * What a Kafka cluster's metadata log says of topics and configs: apply the values of its records
 * in order, a snapshot's first. Users, ACLs, quotas and brokers are passed over.
 */
export class KafkaMetadata {
  readonly #topics = new Map<string, MutableTopic>();
  readonly #configs = new Map<string, Map<string, string>>();
  /** Records since a begin mark. */
  #pending: Entry[] | undefined;

  topics(): Iterable<MetadataTopic> {
    return this.#topics.values();
  }

  /** Own configs of a topic, a broker ("" for all) or a group. */
  configsOf(kind: MetadataResource, name: string): ReadonlyMap<string, string> {
    return this.#configs.get(`${kind}/${name}`) ?? new Map<string, string>();
  }

  /** Names of the brokers or groups that have configs. */
  configured(kind: MetadataResource): string[] {
    const prefix = `${kind}/`;
    return [...this.#configs.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
  }

  /** Throws MalformedError. */
  apply(value: Uint8Array): void {
    const reader = new ByteReader(value);
    const frame = reader.uvarint();
    if (frame !== frameVersion) throw new MalformedError(`metadata frame version ${frame}`);
    const entry = { type: reader.uvarint(), version: reader.uvarint(), reader };
    if (entry.type === marks.begin) this.#pending = [];
    else if (entry.type === marks.abort) this.#pending = undefined;
    else if (entry.type === marks.end) this.#finish();
    else if (this.#pending !== undefined) this.#pending.push(entry);
    else this.#replay(entry);
  }

  #finish(): void {
    const pending = this.#pending ?? [];
    this.#pending = undefined;
    for (const entry of pending) this.#replay(entry);
  }

  #replay({ type, version, reader }: Entry): void {
    switch (type) {
      case TopicRecord.key: {
        const { name, topicId } = TopicRecord.read(reader, checked(TopicRecord, version));
        const id = formatUuid(topicId);
        this.#topics.set(id, { name, id, partitions: new Map() });
        return;
      }
      case PartitionRecord.key: {
        const record = PartitionRecord.read(reader, checked(PartitionRecord, version));
        const topic = this.#topics.get(formatUuid(record.topicId));
        topic?.partitions.set(record.partitionId, record.replicas);
        return;
      }
      case ConfigRecord.key:
        this.#configure(ConfigRecord.read(reader, checked(ConfigRecord, version)));
        return;
      case RemoveTopicRecord.key: {
        const record = RemoveTopicRecord.read(reader, checked(RemoveTopicRecord, version));
        const id = formatUuid(record.topicId);
        this.#configs.delete(`topic/${this.#topics.get(id)?.name ?? ""}`);
        this.#topics.delete(id);
      }
    }
  }

  #configure(record: ReturnType<typeof ConfigRecord.read>): void {
    const kind = (resourceKinds as Readonly<Record<number, string>>)[record.resourceType];
    if (kind === undefined) return;
    const key = `${kind}/${record.resourceName}`;
    const configs = this.#configs.get(key) ?? new Map<string, string>();
    if (record.value === null) configs.delete(record.name);
    else configs.set(record.name, record.value);
    if (configs.size === 0) this.#configs.delete(key);
    else this.#configs.set(key, configs);
  }
}

/** A later version than is known may have other fields. */
function checked(codec: Pick<MessageCodec, "name" | "validVersions">, version: number): number {
  const { min, max } = codec.validVersions;
  if (version >= min && version <= max) return version;
  throw new MalformedError(`${codec.name} of version ${version}`);
}
