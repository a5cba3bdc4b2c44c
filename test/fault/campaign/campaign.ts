import { SeededRandom } from "../../../src/base/seeded-random.ts";
import { RawClient } from "../../support/raw-client.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { Audit } from "../checks/audit.ts";
import { findLostCommits } from "../checks/commits-kept.ts";
import { findUndelivered } from "../checks/delivered-all.ts";
import { findUnequalReplicas } from "../checks/equal-replicas.ts";
import { findOtherReading } from "../checks/same-reading.ts";
import { Gate } from "../load/gate.ts";
import { GroupReaders } from "../load/group-readers.ts";
import { HttpLane } from "../load/http-lane.ts";
import { HttpReader } from "../load/http-reader.ts";
import { KafkaLane } from "../load/kafka-lane.ts";
import { type Lane, longestGapMs } from "../load/lane.ts";
import { PipelinedLane } from "../load/pipelined-lane.ts";
import { Arena, type Nemesis } from "./arena.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { nodePort } from "./fault-node.ts";

/** Topics of the load; each has three replicas and takes acks=all from two on. */
const loadTopics = [
  { name: "orders", partitions: 2, durability: "fsync" },
  { name: "views", partitions: 3, durability: "os" },
] as const;
const httpTopic = { name: "events", partitions: 1, durability: "fsync" } as const;
const burstTopic = { name: "bursts", partitions: 1, durability: "os" } as const;
const allTopics = [...loadTopics, httpTopic, burstTopic];
const topicNames = allTopics.map(({ name }) => name);
const offsetsTopic = "__consumer_offsets";

const wholeWithinMs = 60_000;
const answeredWithinMs = 30_000;
const quietWithinMs = 30_000;
const equalWithinMs = 30_000;

/** What one strike of a nemesis did to the service. */
export interface Strike {
  readonly nemesis: string;
  readonly atSeconds: number;
  /** The longest silence of any writer. */
  readonly gapMs: number;
  /** From the end of the strike until every chain was whole and every writer was answered. */
  readonly recoveryMs: number;
  /** Records acknowledged from its beginning to the checks. */
  readonly acknowledged: number;
  readonly complaints: readonly string[];
}

/** One cluster under load, and nemeses that strike it one after the other. */
export class Campaign {
  readonly cluster: FaultCluster;
  readonly strikes: Strike[] = [];
  readonly lanes: readonly Lane[];
  readonly readers: GroupReaders;
  readonly #arena: Arena;
  readonly #audit: Audit;
  readonly #http: HttpReader;
  readonly #writing = new Gate();
  readonly #reading = new Gate();
  /** What the log shows once it shows after each strike. */
  readonly #known = new Set<string>();
  readonly #startedMs = performance.now();
  #load: Promise<unknown> = Promise.resolve();

  private constructor(cluster: FaultCluster, seed: number) {
    this.cluster = cluster;
    this.#arena = new Arena(cluster, new SeededRandom(seed), "orders");
    this.#audit = new Audit(cluster, topicNames);
    const urls = cluster.nodes.map(({ url }) => url);
    let writer = 0;
    const lanes: Lane[] = loadTopics.flatMap(({ name: topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => {
        writer += 1;
        return new KafkaLane({ kafka: cluster.kafka(), topic, partition, writer });
      }),
    );
    lanes.push(new HttpLane({ topic: httpTopic.name, writer: writer + 1, urls }));
    lanes.push(new PipelinedLane({ cluster, topic: burstTopic.name, writer: writer + 2 }));
    this.lanes = lanes;
    this.readers = new GroupReaders(cluster.kafka(), "readers", topicNames);
    this.#http = new HttpReader({ topic: httpTopic.name, urls });
  }

  /** A cluster with its topics, and the load on it. */
  static async begin(options: { etcdMembers: number; seed: number; logFolder: string }) {
    const cluster = await FaultCluster.start(options);
    const campaign = new Campaign(cluster, options.seed);
    await campaign.#makeTopics();
    const { lanes, readers } = campaign;
    campaign.#load = Promise.all([
      ...lanes.map((lane) => lane.run(campaign.#writing)),
      readers.run(campaign.#reading),
      campaign.#http.run(campaign.#reading),
    ]);
    await campaign.#untilAnswered(performance.now());
    return campaign;
  }

  get acknowledgedCount(): number {
    return this.lanes.reduce((sum, { told }) => sum + told.length, 0);
  }

  get complaints(): readonly string[] {
    return this.strikes.flatMap(({ nemesis, complaints }) => {
      return complaints.map((complaint) => `${nemesis}: ${complaint}`);
    });
  }

  /** Lets the nemesis strike, waits for the service to be whole again, then looks at everything. */
  async strike(nemesis: Nemesis): Promise<Strike> {
    const startedMs = performance.now();
    const before = this.acknowledgedCount;
    const complaints: string[] = [];
    const told = this.lanes.map((lane) => lane.complaints.length);
    const note = (error: Error): void => void complaints.push(error.message);
    await nemesis.strike(this.#arena).catch(note);
    await this.#restore().catch(note);
    const mendedMs = performance.now();
    await this.#recover(mendedMs).catch(note);
    const recoveredMs = performance.now();
    const found = await this.#checkAtRest().catch((error: Error) => [error.message]);
    complaints.push(...found.filter((complaint) => !this.#known.has(complaint)));
    for (const complaint of found) this.#known.add(complaint);
    this.lanes.forEach((lane, at) => complaints.push(...lane.complaints.slice(told[at])));
    const gaps = this.lanes.map((lane) => longestGapMs(lane, startedMs, recoveredMs));
    const strike = {
      nemesis: nemesis.name,
      atSeconds: Math.round((startedMs - this.#startedMs) / 1_000),
      gapMs: Math.max(...gaps),
      recoveryMs: Math.round(recoveredMs - mendedMs),
      acknowledged: this.acknowledgedCount - before,
      complaints,
    };
    this.strikes.push(strike);
    return strike;
  }

  /** Stops the load and judges all of it; answers what is wrong. */
  async judge(): Promise<string[]> {
    await this.#untilAtRest();
    await waitUntil("the readers have read everything", () => this.#isAllRead(), 60_000);
    this.#writing.end();
    this.#reading.end();
    await this.#load;
    this.#audit.forget();
    await this.#audit.readOn();
    const complaints = [...this.#audit.judge(this.lanes), ...(await this.#unequal())];
    for (const [key, events] of this.readers.commits) {
      complaints.push(...findLostCommits(key, events));
    }
    for (const { topic, partition } of this.lanes) {
      const key = `${topic}-${partition}`;
      const end = this.#audit.stored(topic, partition).length;
      complaints.push(...findUndelivered(key, this.readers.delivered.get(key) ?? new Set(), end));
    }
    const stored = this.#audit.stored(httpTopic.name, 0);
    return [...complaints, ...findOtherReading(httpTopic.name, this.#http.seen, stored)];
  }

  async end(): Promise<void> {
    this.#writing.end();
    this.#reading.end();
    await this.cluster.stop();
  }

  async #makeTopics(): Promise<void> {
    const client = await RawClient.open(nodePort, this.cluster.node(1).address);
    for (const { name, partitions, durability } of allTopics) {
      const configs = { "min.insync.replicas": "2", durability };
      await waitUntil(`${name} is made`, async () => {
        const { errorCode } = await client.createTopic(name, { partitions, replicas: 3, configs });
        return errorCode === 0;
      });
    }
    client.close();
    await waitUntil("the topics are whole", () => this.cluster.isWhole(topicNames));
  }

  /** What a nemesis that failed has left broken. */
  async #restore(): Promise<void> {
    const { net, nodes } = this.cluster;
    net.mend();
    for (const node of nodes) if (node.isPaused) node.resume();
    await Promise.all(nodes.filter(({ isRunning }) => !isRunning).map((node) => node.start()));
  }

  async #recover(fromMs: number): Promise<void> {
    await waitUntil(
      "every chain is whole again",
      () => this.cluster.isWhole([...topicNames, offsetsTopic]),
      wholeWithinMs,
    );
    await this.#untilAnswered(fromMs);
  }

  /** Until every writer has been answered after `sinceMs`. */
  async #untilAnswered(sinceMs: number): Promise<void> {
    const silent = (): readonly Lane[] =>
      this.lanes.filter(({ answeredMs }) => (answeredMs.at(-1) ?? 0) <= sinceMs);
    await waitUntil(
      "every writer is answered",
      () => silent().length === 0,
      answeredWithinMs,
    ).catch(() => {
      const names = silent().map(({ topic, partition }) => `${topic}-${partition}`);
      throw new Error(`not within ${answeredWithinMs} ms: answers on ${names.join(", ")}`);
    });
  }

  /** Nobody writes: everything acknowledged is there, and replicas are equal. */
  async #checkAtRest(): Promise<string[]> {
    try {
      await this.#untilAtRest();
      const unequal = await this.#unequal();
      await this.#audit.readOn();
      return [...unequal, ...this.#audit.judge(this.lanes)];
    } finally {
      this.#writing.open();
    }
  }

  async #untilAtRest(): Promise<void> {
    this.#writing.close();
    const isAtRest = (): boolean => this.#writing.restingCount === this.lanes.length;
    await waitUntil("the writers rest", isAtRest, quietWithinMs);
  }

  /** Replicas that do not become equal; groups may still commit meanwhile. */
  async #unequal(): Promise<string[]> {
    let found: string[] = [];
    const isEqual = (): boolean => {
      found = this.#partitions().flatMap((key) => {
        const replicas = this.cluster.nodes.map((node) => {
          return { node: node.id, bytes: node.logBytes(key) };
        });
        return findUnequalReplicas(key, replicas);
      });
      return found.length === 0;
    };
    await waitUntil("the replicas are equal", isEqual, equalWithinMs).catch(() => undefined);
    return found;
  }

  #partitions(): readonly string[] {
    const names = this.cluster.nodes.flatMap((node) => node.partitionNames);
    return [...new Set(names)].sort();
  }

  #isAllRead(): boolean {
    const http = this.lanes.find(({ topic }) => topic === httpTopic.name);
    const isRead = this.lanes.every(({ topic, partition, told }) => {
      const delivered = this.readers.delivered.get(`${topic}-${partition}`)?.size ?? 0;
      return delivered >= told.length;
    });
    return isRead && this.#http.nextOffset >= (http?.told.length ?? 0);
  }
}
