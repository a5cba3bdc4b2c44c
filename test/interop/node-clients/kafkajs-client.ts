import kafkajs from "kafkajs";
import type { Admin, Consumer, Kafka, Producer } from "kafkajs";
import { compress, uncompress } from "snappy";
import type { Codec } from "../../support/kcat.ts";
import { waitUntil } from "../../support/wait-until.ts";
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

const { AssignerProtocol, CompressionCodecs, CompressionTypes, ConfigResourceTypes } = kafkajs;

const compressionTypes: Partial<Record<Codec, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
};

export const kafkajsCodecs = Object.keys(compressionTypes) as Codec[];

// kafkajs takes snappy as a plug-in.
CompressionCodecs[CompressionTypes.Snappy] = () => ({
  compress: (encoder: { readonly buffer: Buffer }) => compress(encoder.buffer),
  decompress: (buffer: Buffer) => uncompress(buffer, { asBuffer: true }) as Promise<Buffer>,
});

export class KafkajsClient implements NodeClient {
  readonly #kafka: Kafka;
  readonly #producers = new Map<boolean, Promise<Producer>>();
  #admin: Promise<Admin> | undefined;

  constructor(bootstrap: string) {
    this.#kafka = new kafkajs.Kafka({
      clientId: "kafkajs-suite",
      brokers: [bootstrap],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 30 },
    });
  }

  async send(
    topic: string,
    records: readonly SentRecord[],
    { codec = "none", isIdempotent = false }: SendOptions = {},
  ): Promise<void> {
    const compression = compressionTypes[codec];
    if (compression === undefined) throw new Error(`kafkajs has no ${codec}`);
    const producer = await this.#producer(isIdempotent);
    const messages = records.map((record) => ({ ...record, headers: { ...record.headers } }));
    await producer.send({ topic, messages, compression, acks: -1 });
  }

  async join({ groupId, topic, onRecord }: JoinOptions): Promise<GroupMember> {
    const consumer = this.#consumer(groupId);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await run(consumer, onRecord);
    return { leave: () => consumer.disconnect() };
  }

  async readFrom(
    topic: string,
    { partition, offset, count }: ReadPlace,
  ): Promise<ReceivedRecord[]> {
    const records: ReceivedRecord[] = [];
    const consumer = this.#consumer(`seek-${topic}-${offset}`);
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await run(consumer, (record) => {
      const isWanted = record.partition === partition && record.offset >= offset;
      if (isWanted && records.length < count) records.push(record);
    });
    consumer.seek({ topic, partition, offset: String(offset) });
    await waitUntil("the records are read", () => records.length === count);
    await consumer.disconnect();
    return records;
  }

  async createTopic(topic: string, partitions: number, configs = {}): Promise<void> {
    const configEntries = Object.entries(configs).map(([name, value]) => ({
      name,
      value: String(value),
    }));
    const topics = [{ topic, numPartitions: partitions, configEntries }];
    await (await this.#connectedAdmin()).createTopics({ topics });
  }

  async deleteTopic(topic: string): Promise<void> {
    await (await this.#connectedAdmin()).deleteTopics({ topics: [topic] });
  }

  async listTopics(): Promise<string[]> {
    return (await this.#connectedAdmin()).listTopics();
  }

  async findConfig(topic: string, name: string): Promise<string | undefined> {
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }];
    const admin = await this.#connectedAdmin();
    const described = await admin.describeConfigs({ resources, includeSynonyms: false });
    return described.resources[0]?.configEntries[0]?.configValue;
  }

  async changeConfig(topic: string, name: string, value: string): Promise<void> {
    const configEntries = [{ name, value }];
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }];
    await (await this.#connectedAdmin()).alterConfigs({ resources, validateOnly: false });
  }

  async committedOffset(groupId: string, topic: string, partition: number): Promise<number> {
    const admin = await this.#connectedAdmin();
    const [fetched] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const found = fetched?.partitions.find((each) => each.partition === partition);
    return Number(found?.offset ?? -1);
  }

  async describeGroup(groupId: string): Promise<GroupDescription> {
    const described = await (await this.#connectedAdmin()).describeGroups([groupId]);
    const group = described.groups[0];
    const owned = new Map<string, number[]>();
    for (const member of group?.members ?? []) {
      if (member.memberAssignment.length === 0) continue;
      const decoded = AssignerProtocol.MemberAssignment.decode(member.memberAssignment);
      owned.set(member.memberId, Object.values(decoded?.assignment ?? {}).flat());
    }
    return { state: group?.state ?? "none", owned };
  }

  async close(): Promise<void> {
    for (const producer of this.#producers.values()) await (await producer).disconnect();
    await (await this.#admin)?.disconnect();
  }

  #consumer(groupId: string): Consumer {
    const quick = { heartbeatInterval: 500, rebalanceTimeout: 10_000, maxWaitTimeInMs: 200 };
    return this.#kafka.consumer({ groupId, sessionTimeout: 10_000, ...quick });
  }

  #producer(idempotent: boolean): Promise<Producer> {
    const known = this.#producers.get(idempotent);
    if (known !== undefined) return known;
    const producer = this.#kafka.producer({
      idempotent,
      allowAutoTopicCreation: true,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    const connected = producer.connect().then(() => producer);
    this.#producers.set(idempotent, connected);
    return connected;
  }

  #connectedAdmin(): Promise<Admin> {
    if (this.#admin === undefined) {
      const admin = this.#kafka.admin();
      this.#admin = admin.connect().then(() => admin);
    }
    return this.#admin;
  }
}

async function run(consumer: Consumer, onRecord: (record: ReceivedRecord) => void): Promise<void> {
  const joined = new Promise<void>((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, () => resolve());
  });
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const headers = Object.entries(message.headers ?? {});
      onRecord({
        partition,
        offset: Number(message.offset),
        key: message.key?.toString() ?? null,
        value: message.value?.toString() ?? "",
        headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
      });
    },
  });
  await joined;
}
