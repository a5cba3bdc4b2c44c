import { crc32c } from "@node-rs/crc32";
import { buildBatch, type BatchOptions } from "../../src/protocol/build-batch.ts";
import { type RecordInput } from "../../src/protocol/encode-records.ts";
import type { Compression } from "../../src/protocol/compression.ts";
import { recordBatches, type RecordBatch } from "../../src/protocol/record-batch.ts";
import { decodeRecords, type LogRecord } from "../../src/protocol/record.ts";
import { kafkaCode } from "../../src/base/errors.ts";
import { RawConnection } from "./raw-connection.ts";
import { waitUntil } from "./wait-until.ts";

/** Batches are built and read plain here; codecs are the other clients' part. */
const plain: Compression = {
  compress: () => failCompressed(),
  decompress: () => failCompressed(),
};

function failCompressed(): never {
  throw new Error("the raw client speaks no codec");
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A batch of `records`; texts become values. */
export function batchOf(
  records: readonly (string | Partial<RecordInput>)[],
  options: BatchOptions = {},
): Uint8Array {
  const timestampMs = Date.now();
  const inputs = records.map((record) => ({
    key: null,
    value: typeof record === "string" ? encoder.encode(record) : null,
    timestampMs,
    ...(typeof record === "string" ? {} : record),
  }));
  const sum = (bytes: Uint8Array, crc?: number): number => crc32c(bytes, crc);
  return buildBatch(inputs, options, { crc32c: sum, compression: plain });
}

/** The records of fetched bytes; a cut last batch is left out, as consumers do. */
export function recordsOf(bytes: Uint8Array | null): LogRecord[] {
  return batchesOf(bytes).flatMap((batch) => {
    return decodeRecords(batch, { compression: plain, sizeBytesMax: 2 ** 30 });
  });
}

export function batchesOf(bytes: Uint8Array | null): RecordBatch[] {
  return bytes === null ? [] : [...recordBatches(bytes)].filter((batch) => batch.isWhole);
}

export function textOf(bytes: Uint8Array | null): string {
  return decoder.decode(bytes ?? new Uint8Array());
}

export interface FetchOptions {
  readonly sizeBytesMax?: number;
  readonly waitMs?: number;
  readonly sizeBytesMin?: number;
}

export interface TopicOptions {
  readonly partitions?: number;
  /** Without it as many as the broker's default. */
  readonly replicas?: number;
  readonly configs?: Readonly<Record<string, string>>;
}

/** The few calls most protocol tests need, each one request; errors are answers, not exceptions. */
export class RawClient {
  readonly connection: RawConnection;

  constructor(connection: RawConnection) {
    this.connection = connection;
  }

  static async open(port: number, host?: string): Promise<RawClient> {
    return new RawClient(await RawConnection.open(port, host));
  }

  async createTopic(
    name: string,
    { partitions = 1, replicas = -1, configs = {} }: TopicOptions = {},
  ) {
    const given = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    const answer = await this.connection.request("CreateTopics", 7, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor: replicas,
          assignments: [],
          configs: given,
        },
      ],
      timeoutMs: 30_000,
    });
    const created = first(answer.topics);
    // Apache Kafka answers before its partitions take requests.
    if (created.errorCode !== 0 || replicas > 1) return created;
    for (let index = 0; index < partitions; index += 1) await this.#untilServed([name, index]);
    return created;
  }

  /** Moves a partition's log start up to `offset`. */
  async deleteRecords([name, partitionIndex]: readonly [string, number], offset: number) {
    const partitions = [{ partitionIndex, offset }];
    const body = { topics: [{ name, partitions }], timeoutMs: 30_000 };
    const response = await this.connection.request("DeleteRecords", 2, body);
    const { errorCode, lowWatermark } = first(first(response.topics).partitions);
    return { errorCode, lowWatermark };
  }

  async deleteTopic(name: string): Promise<number> {
    const body = { topicNames: [name], topics: [], timeoutMs: 30_000 };
    const response = await this.connection.request("DeleteTopics", 5, body);
    return first(response.responses).errorCode;
  }

  /** Produces one batch; `partition` is `[topic, index]`. */
  async produce(partition: readonly [string, number], records: Uint8Array, acks = -1) {
    const response = await this.connection.request("Produce", 11, {
      ...produceBody(partition, records, acks),
    });
    return first(first(response.responses).partitionResponses);
  }

  /** Produces with acks=0: there is no answer. */
  produceUnacknowledged(partition: readonly [string, number], records: Uint8Array): void {
    this.connection.post("Produce", 11, produceBody(partition, records, 0));
  }

  async fetch(
    [topic, partition]: readonly [string, number],
    fetchOffset: number,
    { sizeBytesMax = 1_048_576, waitMs = 0, sizeBytesMin = 1 }: FetchOptions = {},
  ) {
    const wanted = { partition, fetchOffset, partitionMaxBytes: sizeBytesMax };
    const response = await this.connection.request("Fetch", 12, {
      maxWaitMs: waitMs,
      minBytes: sizeBytesMin,
      maxBytes: 2 ** 31 - 1,
      topics: [{ topic, partitions: [wanted] }],
      forgottenTopicsData: [],
    });
    return first(first(response.responses).partitions);
  }

  /** Offset and timestamp at `timestamp`, which may be one of the special ones. */
  async listOffset([name, partitionIndex]: readonly [string, number], timestamp: number) {
    const response = await this.connection.request("ListOffsets", 9, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name, partitions: [{ partitionIndex, timestamp }] }],
    });
    return first(first(response.topics).partitions);
  }

  /** A producer id and epoch for idempotent batches. */
  async initProducerId() {
    const body = { transactionalId: null, transactionTimeoutMs: 60_000 };
    let response = await this.connection.request("InitProducerId", 4, body);
    await waitUntil("a producer id is given", async () => {
      // Apache Kafka fetches its first block of ids late.
      if (response.errorCode !== kafkaCode("COORDINATOR_LOAD_IN_PROGRESS")) return true;
      response = await this.connection.request("InitProducerId", 4, body);
      return false;
    });
    const { errorCode, producerId, producerEpoch } = response;
    if (errorCode !== 0) throw new Error(`no producer id: error ${errorCode}`);
    return { producerId: Number(producerId), producerEpoch };
  }

  /** Metadata of one topic, without creating it. */
  async describeTopic(name: string) {
    const body = { topics: [{ name }], allowAutoTopicCreation: false };
    return first((await this.connection.request("Metadata", 12, body)).topics);
  }

  /** Every record of a partition from `from` up to its end, by as many fetches as it takes. */
  async readAll(partition: readonly [string, number], from = 0): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    let next = from;
    for (;;) {
      const { errorCode, highWatermark, records: bytes } = await this.fetch(partition, next);
      if (errorCode !== 0) throw new Error(`fetch at ${next}: error ${errorCode}`);
      if (next >= Number(highWatermark)) return records;
      const read = recordsOf(bytes).filter((record) => record.offset >= next);
      records.push(...read);
      const last = batchesOf(bytes).at(-1);
      if (last === undefined) throw new Error(`${partition.join("-")}: nothing at ${next}`);
      next = last.nextOffset;
    }
  }

  close(): void {
    this.connection.close();
  }

  async #untilServed(partition: readonly [string, number]): Promise<void> {
    await waitUntil(`${partition.join("-")} is served`, async () => {
      return (await this.listOffset(partition, -1)).errorCode === 0;
    });
  }
}

function produceBody([name, index]: readonly [string, number], records: Uint8Array, acks: number) {
  const topicData = [{ name, partitionData: [{ index, records }] }];
  return { transactionalId: null, acks, timeoutMs: 30_000, topicData };
}

function first<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined) throw new Error("the answer is empty");
  return item;
}
