import { Admin, Consumer, MessagesStreamModes, Producer } from "@platformatic/kafka";
import type { CompressionAlgorithmValue, Message, MessagesStream } from "@platformatic/kafka";
import { codecs } from "../../support/kcat.ts";
import type {
  GroupDescription,
  GroupMember,
  JoinOptions,
  NodeClient,
  ReadPlace,
  ReceivedRecord,
  SendOptions,
  SentRecord,
} from "./node-client.ts";

const topicResource = 2;
const setOperation = 0;

export const platformaticCodecs = codecs;

export class PlatformaticClient implements NodeClient {
  readonly #connection;
  readonly #admin: Admin;
  readonly #producers = new Map<boolean, Producer>();

  constructor(bootstrap: string) {
    this.#connection = {
      clientId: "platformatic-suite",
      bootstrapBrokers: [bootstrap],
      retries: 30,
      retryDelay: 200,
      metadataMaxAge: 1_000,
    };
    this.#admin = new Admin(this.#connection);
  }

  async send(
    topic: string,
    records: readonly SentRecord[],
    { codec = "none", isIdempotent = false }: SendOptions = {},
  ): Promise<void> {
    const messages = records.map(({ key, value, headers, partition }) => ({
      topic,
      value: Buffer.from(value),
      headers: new Map(Object.entries(headers ?? {}).map(([n, v]) => [bytes(n), bytes(v)])),
      ...(key === undefined ? {} : { key: Buffer.from(key) }),
      ...(partition === undefined ? {} : { partition }),
    }));
    await this.#producer(isIdempotent).send({
      messages,
      acks: -1,
      compression: codec as CompressionAlgorithmValue,
      autocreateTopics: true,
    });
  }

  async join({ groupId, topic, onRecord }: JoinOptions): Promise<GroupMember> {
    const consumer = this.#consumer(groupId);
    const mode = MessagesStreamModes.COMMITTED;
    const stream = await consumer.consume({ topics: [topic], mode, fallbackMode: "earliest" });
    stream.on("data", (message) => onRecord(received(message)));
    // A broker that restarts shows as stream errors; the stream itself goes on.
    stream.on("error", () => undefined);
    return { leave: () => leave(consumer, stream) };
  }

  async readFrom(
    topic: string,
    { partition, offset, count }: ReadPlace,
  ): Promise<ReceivedRecord[]> {
    const consumer = this.#consumer(`seek-${topic}-${offset}`);
    const offsets = [{ topic, partition, offset: BigInt(offset) }];
    const mode = MessagesStreamModes.MANUAL;
    const stream = await consumer.consume({ topics: [topic], mode, offsets });
    const records: ReceivedRecord[] = [];
    for await (const message of stream) {
      if (message.partition === partition) records.push(received(message));
      if (records.length === count) break;
    }
    await consumer.close(true);
    return records;
  }

  async createTopic(topic: string, partitions: number, configs = {}): Promise<void> {
    const given = Object.entries(configs).map(([name, value]) => ({ name, value: String(value) }));
    await this.#admin.createTopics({ topics: [topic], partitions, replicas: 1, configs: given });
  }

  deleteTopic(topic: string): Promise<void> {
    return this.#admin.deleteTopics({ topics: [topic] });
  }

  listTopics(): Promise<string[]> {
    return this.#admin.listTopics();
  }

  async findConfig(topic: string, name: string): Promise<string | undefined> {
    const resource = { resourceType: topicResource, resourceName: topic } as const;
    const resources = [{ ...resource, configurationKeys: [name] }];
    const described = await this.#admin.describeConfigs({ resources });
    return described[0]?.configs[0]?.value ?? undefined;
  }

  changeConfig(topic: string, name: string, value: string): Promise<void> {
    const configs = [{ name, configOperation: setOperation, value } as const];
    const resources = [{ resourceType: topicResource, resourceName: topic, configs } as const];
    return this.#admin.incrementalAlterConfigs({ resources: [...resources] });
  }

  async committedOffset(groupId: string, topic: string, partition: number): Promise<number> {
    const topics = [{ name: topic, partitionIndexes: [partition] }];
    const groups = [{ groupId, topics }];
    const [group] = await this.#admin.listConsumerGroupOffsets({ groups });
    return Number(group?.topics[0]?.partitions[0]?.committedOffset ?? -1);
  }

  async describeGroup(groupId: string): Promise<GroupDescription> {
    const group = (await this.#admin.describeGroups({ groups: [groupId] })).get(groupId);
    const owned = new Map<string, number[]>();
    for (const [memberId, member] of group?.members ?? []) {
      const assigned = [...(member.assignments?.values() ?? [])];
      owned.set(
        memberId,
        assigned.flatMap((each) => each.partitions),
      );
    }
    return { state: group?.state ?? "none", owned };
  }

  async close(): Promise<void> {
    for (const producer of this.#producers.values()) await producer.close();
    await this.#admin.close();
  }

  #consumer(groupId: string): Consumer {
    const quick = { heartbeatInterval: 500, rebalanceTimeout: 10_000, maxWaitTime: 200 };
    const options = { ...this.#connection, ...quick, sessionTimeout: 10_000, autocommit: 100 };
    return new Consumer({ ...options, groupId });
  }

  #producer(idempotent: boolean): Producer {
    const known = this.#producers.get(idempotent);
    if (known !== undefined) return known;
    const producer = new Producer({ ...this.#connection, idempotent });
    this.#producers.set(idempotent, producer);
    return producer;
  }
}

type Stream = MessagesStream<Buffer, Buffer, Buffer, Buffer>;

async function leave(consumer: Consumer, stream: Stream): Promise<void> {
  await stream.close();
  await consumer.close(true);
}

function received(message: Message): ReceivedRecord {
  const headers = [...message.headers].map(([name, value]) => [String(name), String(value)]);
  return {
    partition: message.partition,
    offset: Number(message.offset),
    key: message.key?.toString() ?? null,
    value: message.value.toString(),
    headers: Object.fromEntries(headers),
  };
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
