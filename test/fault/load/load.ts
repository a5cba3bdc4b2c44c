import { reasonToSkip } from "../../support/tools.ts";
import type { FaultCluster } from "../campaign/fault-cluster.ts";
import { CommitWatch } from "./commit-watch.ts";
import type { Gate } from "./gate.ts";
import { GroupReaders } from "./group-readers.ts";
import { HttpLane } from "./http-lane.ts";
import { HttpReader } from "./http-reader.ts";
import { JavaGroup } from "./java-group.ts";
import { JavaProducer } from "./java-producer.ts";
import { KafkaLane } from "./kafka-lane.ts";
import { KcatGroup } from "./kcat-group.ts";
import { KcatLane } from "./kcat-lane.ts";
import { KcatReader } from "./kcat-reader.ts";
import { acknowledgedOf, type GroupLoad, type Lane, type OrderedReader } from "./lane.ts";
import { PipelinedLane } from "./pipelined-lane.ts";

export interface LoadTopic {
  readonly name: string;
  readonly partitions: number;
  readonly durability: "fsync" | "os";
}

/** Topics of kafkajs' producers. */
const ordinary: readonly LoadTopic[] = [
  { name: "orders", partitions: 2, durability: "fsync" },
  { name: "views", partitions: 3, durability: "os" },
];
const http: LoadTopic = { name: "events", partitions: 1, durability: "fsync" };
const bursts: LoadTopic = { name: "bursts", partitions: 1, durability: "os" };
const lines: LoadTopic = { name: "lines", partitions: 2, durability: "fsync" };
const entries: LoadTopic = { name: "entries", partitions: 2, durability: "os" };

/** All that writes and reads in a run; every client has topics of its own. */
export class Load {
  readonly topics: readonly LoadTopic[];
  readonly lanes: Lane[] = [];
  readonly groups: GroupLoad[] = [];
  readonly readers: OrderedReader[] = [];
  /** Clients that this machine lacks. */
  readonly absent: readonly string[];
  readonly #cluster: FaultCluster;
  #writersCount = 0;

  constructor(cluster: FaultCluster) {
    this.#cluster = cluster;
    const lackOf = (name: string, ...tools: Parameters<typeof reasonToSkip>[0]) =>
      reasonToSkip(tools) === undefined ? [] : [name];
    this.absent = [...lackOf("kcat", "kcat"), ...lackOf("Java", "java", "maven")];
    const kcat = this.absent.includes("kcat") ? [] : [lines];
    const java = this.absent.includes("Java") ? [] : [entries];
    this.topics = [...ordinary, http, bursts, ...kcat, ...java];
  }

  /** Writes and reads until the gates end; the topics are there. */
  async start(writing: Gate, reading: Gate): Promise<{ readonly ended: Promise<unknown> }> {
    this.#addOwn();
    if (this.topics.includes(lines)) this.#addKcat();
    if (this.topics.includes(entries)) await this.#addJava();
    const ended = Promise.all([
      ...this.lanes.map((lane) => lane.run(writing)),
      ...[...this.groups, ...this.readers].map((reader) => reader.run(reading)),
    ]);
    return { ended };
  }

  /** Everything acknowledged reached every group and every reader of its topic. */
  get isAllRead(): boolean {
    return this.lanes.every((lane) => {
      const { topic, partition } = lane;
      const count = acknowledgedOf(lane);
      const groups = this.groups.filter(({ watch }) => watch.topics.includes(topic));
      const isOwn = (one: OrderedReader) => one.topic === topic && one.partition === partition;
      const delivered = groups.map((one) => one.delivered.get(`${topic}-${partition}`)?.size ?? 0);
      const read = this.readers.filter(isOwn).map(({ nextOffset }) => nextOffset);
      return [...delivered, ...read].every((reached) => reached >= count);
    });
  }

  /** kafkajs, HTTP, and our own client that has five batches under way. */
  #addOwn(): void {
    const cluster = this.#cluster;
    const urls = cluster.nodes.map(({ url }) => url);
    for (const { name: topic, partitions } of ordinary) {
      for (let partition = 0; partition < partitions; partition += 1) {
        const options = { kafka: cluster.kafka(), topic, partition, writer: this.#nextWriter() };
        this.lanes.push(new KafkaLane(options));
      }
    }
    this.lanes.push(new HttpLane({ topic: http.name, writer: this.#nextWriter(), urls }));
    const place = { cluster, topic: bursts.name, writer: this.#nextWriter() };
    this.lanes.push(new PipelinedLane(place));
    const names = this.topics.map(({ name }) => name);
    this.groups.push(new GroupReaders(cluster.kafka(), "readers", names));
    this.readers.push(new HttpReader({ topic: http.name, urls }));
  }

  #addKcat(): void {
    const { bootstrap } = this.#cluster;
    const { name: topic, partitions } = lines;
    const nextWriter = (): number => this.#nextWriter();
    for (let partition = 0; partition < partitions; partition += 1) {
      this.lanes.push(new KcatLane({ bootstrap, topic, partition, nextWriter }));
      this.readers.push(new KcatReader({ bootstrap, topic, partition }));
    }
    const watch = new CommitWatch(this.#cluster.kafka(), "kcat", [topic]);
    this.groups.push(new KcatGroup(bootstrap, watch));
  }

  async #addJava(): Promise<void> {
    const { bootstrap } = this.#cluster;
    const { name: topic, partitions } = entries;
    const producer = await JavaProducer.start(bootstrap, topic);
    for (let partition = 0; partition < partitions; partition += 1) {
      this.lanes.push(producer.lane(partition, this.#nextWriter()));
    }
    const watch = new CommitWatch(this.#cluster.kafka(), "java", [topic]);
    this.groups.push(new JavaGroup(bootstrap, topic, watch));
  }

  #nextWriter(): number {
    this.#writersCount += 1;
    return this.#writersCount;
  }
}
