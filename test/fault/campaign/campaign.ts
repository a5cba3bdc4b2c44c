import { SeededRandom } from "../../../src/base/seeded-random.ts";
import { RawClient } from "../../support/raw-client.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { Audit } from "../checks/audit.ts";
import { type ClientFigures, figuresOfClients } from "../checks/client-figures.ts";
import { findLostCommits } from "../checks/commits-kept.ts";
import { findUndelivered } from "../checks/delivered-all.ts";
import { findUnequalReplicas } from "../checks/equal-replicas.ts";
import { findOtherReading } from "../checks/same-reading.ts";
import { Gate } from "../load/gate.ts";
import { acknowledgedOf, type ClientName, type Lane, longestGapMs } from "../load/lane.ts";
import { Load } from "../load/load.ts";
import { Arena, type Nemesis } from "./arena.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { nodePort } from "./fault-node.ts";

const offsetsTopic = "__consumer_offsets";

const wholeWithinMs = 60_000;
const answeredWithinMs = 30_000;
const quietWithinMs = 30_000;
const equalWithinMs = 30_000;
const readWithinMs = 60_000;

/** What one strike of a nemesis did to the service. */
export interface Strike {
  readonly nemesis: string;
  readonly atSeconds: number;
  /** The longest silence of any writer, and whose it was. */
  readonly gapMs: number;
  readonly slowest: ClientName;
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
  readonly load: Load;
  readonly #arena: Arena;
  readonly #audit: Audit;
  readonly #writing = new Gate();
  readonly #reading = new Gate();
  /** What the log shows once it shows after each strike. */
  readonly #known = new Set<string>();
  readonly #startedMs = performance.now();
  #loadEnded: Promise<unknown> = Promise.resolve();

  private constructor(cluster: FaultCluster, seed: number) {
    this.cluster = cluster;
    this.load = new Load(cluster);
    this.#arena = new Arena(cluster, new SeededRandom(seed), "orders");
    this.#audit = new Audit(cluster, this.#topicNames);
  }

  /** A cluster with its topics, and the load on it. */
  static async begin(options: { etcdMembers: number; seed: number; logFolder: string }) {
    const cluster = await FaultCluster.start(options);
    const campaign = new Campaign(cluster, options.seed);
    await campaign.#makeTopics();
    const load = await campaign.load.start(campaign.#writing, campaign.#reading);
    campaign.#loadEnded = load.ended;
    await campaign.#untilAnswered(performance.now());
    return campaign;
  }

  get acknowledgedCount(): number {
    return this.#lanes.reduce((sum, lane) => sum + acknowledgedOf(lane), 0);
  }

  /** For each client, by what the last reading of everything showed. */
  get figures(): readonly ClientFigures[] {
    return figuresOfClients(this.load, (topic, at) => this.#audit.stored(topic, at));
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
    const told = this.#lanes.map((lane) => lane.complaints.length);
    const note = (error: Error): void => void complaints.push(error.message);
    await nemesis.strike(this.#arena).catch(note);
    await this.#restore().catch(note);
    const mendedMs = performance.now();
    await this.#recover(mendedMs).catch(note);
    const recoveredMs = performance.now();
    const found = await this.#checkAtRest().catch((error: Error) => [error.message]);
    complaints.push(...found.filter((complaint) => !this.#known.has(complaint)));
    for (const complaint of found) this.#known.add(complaint);
    this.#lanes.forEach((lane, at) => complaints.push(...lane.complaints.slice(told[at])));
    const gaps = this.#lanes.map((lane) => {
      return { gapMs: longestGapMs(lane, startedMs, recoveredMs), slowest: lane.client };
    });
    const strike = {
      nemesis: nemesis.name,
      atSeconds: Math.round((startedMs - this.#startedMs) / 1_000),
      ...gaps.reduce((most, one) => (one.gapMs > most.gapMs ? one : most)),
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
    let lateComplaints: string[] = [];
    await waitUntil("everything is read", () => this.load.isAllRead, readWithinMs).catch(
      (error: Error) => (lateComplaints = [error.message]),
    );
    this.#writing.end();
    this.#reading.end();
    await this.#loadEnded;
    this.#audit.forget();
    await this.#audit.readOn();
    const written = [...this.#audit.judge(this.#lanes), ...(await this.#unequal())];
    return [...lateComplaints, ...written, ...this.#judgeReading()];
  }

  #judgeReading(): string[] {
    const { groups, readers } = this.load;
    const complaints = groups.flatMap((group) => {
      const commits = [...group.watch.commits].flatMap(([key, events]) =>
        findLostCommits(key, events),
      );
      const own = this.#lanes.filter(({ topic }) => group.watch.topics.includes(topic));
      const undelivered = own.flatMap(({ topic, partition }) => {
        const key = `${topic}-${partition}`;
        const end = this.#audit.stored(topic, partition).length;
        return findUndelivered(key, group.delivered.get(key) ?? new Set(), end);
      });
      return [...group.complaints, ...commits, ...undelivered].map(
        (complaint) => `group ${group.watch.groupId}: ${complaint}`,
      );
    });
    const other = readers.flatMap(({ topic, partition, seen }) => {
      const stored = this.#audit.stored(topic, partition);
      return findOtherReading(`${topic}-${partition}`, seen, stored);
    });
    return [...complaints, ...other];
  }

  async end(): Promise<void> {
    this.#writing.end();
    this.#reading.end();
    await this.cluster.stop();
  }

  get #lanes(): readonly Lane[] {
    return this.load.lanes;
  }

  get #topicNames(): readonly string[] {
    return this.load.topics.map(({ name }) => name);
  }

  async #makeTopics(): Promise<void> {
    const client = await RawClient.open(nodePort, this.cluster.node(1).address);
    for (const { name, partitions, durability } of this.load.topics) {
      const configs = { "min.insync.replicas": "2", durability };
      await waitUntil(`${name} is made`, async () => {
        const { errorCode } = await client.createTopic(name, { partitions, replicas: 3, configs });
        return errorCode === 0;
      });
    }
    client.close();
    await waitUntil("the topics are whole", () => this.cluster.isWhole(this.#topicNames));
  }

  /** What a nemesis that failed has left broken. */
  async #restore(): Promise<void> {
    const { net, nodes, spare } = this.cluster;
    net.mend();
    await spare.kill();
    for (const node of nodes) if (node.isPaused) node.resume();
    await Promise.all(nodes.filter(({ isRunning }) => !isRunning).map((node) => node.start()));
  }

  async #recover(fromMs: number): Promise<void> {
    await waitUntil(
      "every chain is whole again",
      () => this.cluster.isWhole([...this.#topicNames, offsetsTopic]),
      wholeWithinMs,
    );
    await this.#untilAnswered(fromMs);
  }

  /** Until every writer has been answered after `sinceMs`. */
  async #untilAnswered(sinceMs: number): Promise<void> {
    const silent = (): readonly Lane[] =>
      this.#lanes.filter(({ answeredMs }) => (answeredMs.at(-1) ?? 0) <= sinceMs);
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
      return [...unequal, ...this.#audit.judge(this.#lanes)];
    } finally {
      this.#writing.open();
    }
  }

  async #untilAtRest(): Promise<void> {
    this.#writing.close();
    const isAtRest = (): boolean => this.#writing.restingCount === this.#lanes.length;
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
}
