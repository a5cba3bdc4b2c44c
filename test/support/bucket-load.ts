import { setTimeout as sleep } from "node:timers/promises";
import type { Producer } from "kafkajs";
import type { XylemCluster } from "./xylem-cluster.ts";

export const partitionsPerBucket = 3;
const writerCount = 4;
/** Between two rounds of a writer. */
const writePauseMs = 100;
/** Between two looks of a reader that found nothing new. */
const readPauseMs = 300;
/** Before what failed for a moment is asked again. */
const retryMs = 100;

/** One partition of a bucket: what was acknowledged and what was read, value by value from 0. */
class Stream {
  /** The bucket's number. */
  readonly bucket: number;
  readonly topic: string;
  readonly partition: number;
  acknowledged = 0;
  /** As they were read, in the order of their offsets. */
  readonly read: number[] = [];

  constructor(bucket: number, partition: number) {
    this.bucket = bucket;
    this.topic = topicOf(bucket);
    this.partition = partition;
  }
}

/**
 * Writers with idempotence over Kafka's protocol and a reader for each bucket over HTTP, which ask
 * nodes in turn, whichever leads. Values count up in each partition, so that what is lost, twice or
 * out of order shows.
 */
export class BucketLoad {
  readonly streams: readonly Stream[];
  /** What writers were told, though they try again by themselves. */
  readonly failures: string[] = [];
  readonly #cluster: XylemCluster;
  readonly #bucketCount: number;
  readonly #producers: Producer[] = [];
  #isWriting = true;
  /** Nothing is on its way to be acknowledged any more. */
  #isWritten = false;
  #writing: Promise<unknown> = Promise.resolve();
  #reading: Promise<unknown> = Promise.resolve();

  private constructor(cluster: XylemCluster, bucketCount: number) {
    this.#cluster = cluster;
    this.#bucketCount = bucketCount;
    this.streams = Array.from({ length: bucketCount * partitionsPerBucket }, (_, at) => {
      return new Stream(Math.floor(at / partitionsPerBucket), at % partitionsPerBucket);
    });
  }

  /** The buckets get a topic each. */
  static async start(cluster: XylemCluster, bucketCount: number): Promise<BucketLoad> {
    const load = new BucketLoad(cluster, bucketCount);
    const json = { "content-type": "application/json" };
    const url = `http://${cluster.node(1).bootstrap}/v1`;
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      for (const [path, body] of [
        [`buckets/${bucketOf(bucket)}`, {}],
        [`topics/${topicOf(bucket)}`, { partitions: partitionsPerBucket }],
      ] as const) {
        const init = { method: "PUT", headers: json, body: JSON.stringify(body) };
        const answer = await fetch(`${url}/${path}`, init);
        if (!answer.ok) throw new Error(await answer.text());
      }
    }
    await load.#begin();
    return load;
  }

  get acknowledged(): number {
    return this.streams.reduce((sum, stream) => sum + stream.acknowledged, 0);
  }

  get read(): number {
    return this.streams.reduce((sum, stream) => sum + stream.read.length, 0);
  }

  /** Nothing more is written; readers come to the end. */
  async stop(): Promise<void> {
    this.#isWriting = false;
    await this.#writing;
    this.#isWritten = true;
    await Promise.all(this.#producers.map((producer) => producer.disconnect()));
    await this.#reading;
  }

  async #begin(): Promise<void> {
    const starting = Array.from({ length: writerCount }, async () => {
      const producer = this.#cluster.kafka().producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      this.#producers.push(producer);
    });
    await Promise.all(starting);
    this.#writing = Promise.all(this.#producers.map((producer, at) => this.#write(producer, at)));
    const buckets = Array.from({ length: this.#bucketCount }, (_, bucket) => bucket);
    this.#reading = Promise.all(buckets.map((bucket) => this.#follow(bucket)));
  }

  /**
   * Each partition by itself: a batch for several brokers that is sent again leaves out, in kafkajs
   * 2.2.4, what has moved to a broker that answered already, and counts it as sent.
   */
  async #write(producer: Producer, at: number): Promise<void> {
    const own = this.streams.filter(({ bucket }) => bucket % writerCount === at);
    while (this.#isWriting && this.failures.length === 0) {
      await Promise.all(own.map((stream) => this.#writeNext(producer, stream)));
      await sleep(writePauseMs);
    }
  }

  async #writeNext(producer: Producer, stream: Stream): Promise<void> {
    const { topic, partition, acknowledged } = stream;
    try {
      const messages = [{ partition, value: String(acknowledged) }];
      await producer.send({ acks: -1, topic, messages });
      stream.acknowledged += 1;
    } catch (error) {
      this.failures.push(`${topic}-${partition}: ${String(error)}`);
    }
  }

  /** From offset 0 on, asking one node after the other. */
  async #follow(bucket: number): Promise<void> {
    const streams = this.streams.filter((stream) => stream.bucket === bucket);
    let turn = bucket;
    for (;;) {
      const mayEnd = this.#isWritten;
      let isNew = false;
      for (const stream of streams) {
        turn += 1;
        isNew = (await this.#readMore(stream, turn)) || isNew;
      }
      const isDone = streams.every(({ read, acknowledged }) => read.length >= acknowledged);
      if (mayEnd && isDone && !isNew) return;
      if (!isNew) await sleep(readPauseMs);
    }
  }

  async #readMore(stream: Stream, turn: number): Promise<boolean> {
    const { ids } = this.#cluster;
    const { bootstrap } = this.#cluster.node(ids[turn % ids.length] as number);
    const place = `topics/${stream.topic}/partitions/${stream.partition}`;
    const query = `offset=${stream.read.length}&limit=1000`;
    const answer = await fetch(`http://${bootstrap}/v1/${place}/records?${query}`).catch(nothing);
    if (answer?.ok !== true) {
      await answer?.body?.cancel();
      await sleep(retryMs);
      return true;
    }
    const { records } = (await answer.json()) as { records: { offset: number; value: unknown }[] };
    for (const { value } of records) stream.read.push(Number(value));
    return records.length > 0;
  }
}

const bucketOf = (bucket: number): string => `bucket${bucket}`;
export const topicOf = (bucket: number): string => `${bucketOf(bucket)}.events`;

const nothing = (): undefined => undefined;
