import { SeededRandom } from "../../src/base/seeded-random.ts";
import { defaultNodeSettings, type NodeSettings } from "../../src/base/settings/node-settings.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { Broker } from "../../src/broker/broker.ts";
import type { Cluster } from "../../src/broker/cluster/cluster.ts";
import type { NewTopic } from "../../src/broker/topics/new-topic.ts";
import type { Topic } from "../../src/broker/topics/topics.ts";
import type { Durability } from "../../src/broker/partition/partition-log.ts";
import { ProducedBatch, produce } from "../../src/broker/produce.ts";
import type { Disk } from "../../src/broker/ports/disk.ts";
import { openBroker } from "../../src/node/open-broker.ts";
import type { PeerSocket } from "../../src/broker/ports/peer-transport.ts";
import { StartSteps } from "../../src/node/start-steps.ts";
import type { CoordinatorFaults } from "../../src/simulation/coordinator-network.ts";
import { SimulatedCoordinator } from "../../src/simulation/simulated-coordinator.ts";
import { SimulatedStore } from "../../src/simulation/simulated-store.ts";
import { MemoryDisk } from "../../src/storage/memory-disk.ts";
import { SimulatedNetwork } from "../../src/simulation/simulated-network.ts";
import { KeptLog } from "./kept-log.ts";
import { waitUntil } from "./wait-until.ts";

/** What all nodes prove to each other that they know. */
const key = new Uint8Array(32).fill(7);
const sizeBytesMax = 256 * 1024 ** 2;

/** One broker of several, below its doors. */
export interface ClusterNode {
  readonly id: number;
  readonly broker: Broker;
  readonly cluster: Cluster;
  readonly disk: Disk;
  readonly log: KeptLog;
  /** Its own way to what all share. */
  readonly coordinator: SimulatedCoordinator;
  topic(name: string): Topic | undefined;
  /** Dies as a killed process does: its lease runs out by itself. */
  crash(): void;
  /** Stops in order. */
  stop(): Promise<void>;
}

/** What a batch may ask for: partition 0, the answer of all members, and 5 s if left out. */
interface Sent {
  readonly index?: number;
  readonly acks?: number;
  readonly timeoutMs?: number;
  readonly durability?: Durability | undefined;
}

/** Brokers of one process that share a coordinator, each with a disk of its own. */
export class ClusterWorld {
  readonly clock = new VirtualClock({ settle: () => new Promise((done) => setImmediate(done)) });
  readonly store = new SimulatedStore(this.clock);
  /** A client that is no node. */
  readonly coordinator: SimulatedCoordinator;
  /** Between the nodes. */
  readonly network = new SimulatedNetwork(this.clock, new SeededRandom(7));
  readonly #expected: number;
  /** Between each node and the store. */
  readonly #faults: CoordinatorFaults | undefined;
  readonly #nodes: ClusterNode[] = [];
  readonly #crashed = new Set<ClusterNode>();
  #seed = 1;
  /** Of all machines: another one after they have all lost their power. */
  bootId = "boot 1";

  /** That many nodes hold replicas without a plan. */
  constructor(expected: number, faults?: CoordinatorFaults) {
    this.#expected = expected;
    this.coordinator = this.#connect();
    this.#faults = faults;
  }

  /** With that many nodes, from 1 on, that hold replicas. */
  static async open(count: number): Promise<ClusterWorld> {
    const world = new ClusterWorld(count);
    for (let id = 1; id <= count; id += 1) await world.start(id);
    return world;
  }

  /** A node that was started, the last one of its id. */
  node(id: number): ClusterNode {
    const found = this.#nodes.findLast((node) => node.id === id);
    if (found === undefined) throw new Error(`node ${id} was never started`);
    return found;
  }

  /** Until all of these nodes agree; the others are not asked. */
  async until(what: string, holds: (node: ClusterNode) => boolean, ids?: number[]): Promise<void> {
    const asked = ids ?? this.#nodes.map(({ id }) => id);
    await waitUntil(what, () => asked.every((id) => holds(this.node(id))), 10_000);
  }

  /** Lets time pass until the work is done. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = (): boolean => (isDone = true);
    work.then(done, done);
    while (!isDone) await this.tick(50);
    return await work;
  }

  /** Lets time pass until it holds. @throws {Error} that names it, after `withinMs`. */
  async driveUntil(
    what: string,
    holds: () => boolean | Promise<boolean>,
    { stepMs = 50, withinMs = 50_000 } = {},
  ): Promise<void> {
    for (let passedMs = 0; !(await holds()); passedMs += stepMs) {
      if (passedMs >= withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
      await this.tick(stepMs);
    }
  }

  /** Lets time pass on all nodes, and what it sets off. */
  async tick(ms: number): Promise<void> {
    for (let step = 0; step < 10; step += 1) {
      await this.clock.advance(ms / 10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Sends a batch to a node, and lets time pass until it is answered. */
  async send(
    at: number,
    topic: string,
    bytes: Uint8Array,
    asked: Sent = {},
  ): Promise<ProducedBatch> {
    const { index = 0, acks = -1, timeoutMs = 5_000, durability } = asked;
    const { broker } = this.node(at);
    const batch = new ProducedBatch(broker.topics.find(topic), index, bytes);
    const request = { acks, timeoutMs, durability, clientId: "", transactionalId: null };
    await this.drive(Promise.resolve(produce(broker, { ...request, batches: [batch] })));
    return batch;
  }

  /** On every node. */
  async create(at: number, name: string, asked: Partial<NewTopic> = {}): Promise<void> {
    const configs = new Map<string, string>();
    const { topics } = this.node(at).broker;
    await topics.create({ name, partitions: 1, replicas: 1, configs, ...asked });
    await this.until(`${name} is everywhere`, (node) => node.topic(name) !== undefined);
  }

  /** Starts a node on a new disk or that of a former one; all others see it when it resolves. */
  async start(id: number, own: Partial<NodeSettings> = {}, former?: Disk): Promise<ClusterNode> {
    const log = new KeptLog();
    const steps = new StartSteps(log);
    const { clock } = this;
    const coordinator = this.#connect();
    const disk = former ?? new MemoryDisk({ sizeBytesMax, clock });
    const address = { host: `node${id}.test`, port: 9_092 };
    let accept = (socket: PeerSocket): void => socket.destroy();
    const transport = this.network.join(id, address, (socket) => accept(socket));
    const settings = {
      ...defaultNodeSettings,
      "node.id": id,
      "cluster.expect": this.#expected,
      ...own,
    };
    const random = new SeededRandom((this.#seed += 1));
    const { bootId } = this;
    const parts = { settings, given: new Map(), clock, random, log, disk, coordinator, bootId };
    const opened = await openBroker(steps, { ...parts, network: { transport, key } });
    const { broker, announce, loadGroups, peers } = opened;
    accept = (socket) => peers?.links.accept(socket);
    await loadGroups();
    const { cluster } = broker;
    if (cluster === undefined) throw new Error("the broker is by itself");
    await announce({ kafka: address, http: address, grpc: address, peer: address });
    const topic = (name: string) => broker.topics.find(name);
    const crash = (): void => {
      this.#crashed.add(node);
      coordinator.cut();
      transport.crash();
    };
    const stop = async (): Promise<void> => {
      await this.drive(opened.handOver().then(() => steps.stop()));
      await coordinator.close();
    };
    const node: ClusterNode = { id, broker, cluster, disk, log, topic, coordinator, crash, stop };
    this.#nodes.push(node);
    return node;
  }

  #connect(): SimulatedCoordinator {
    const { store, clock } = this;
    const random = new SeededRandom(this.#seed++);
    const faults = this.#faults === undefined ? {} : { faults: this.#faults };
    return new SimulatedCoordinator({ store, clock, random, ...faults });
  }

  async close(): Promise<void> {
    const alive = this.#nodes.filter((node) => !this.#crashed.has(node));
    await Promise.all(alive.map((node) => node.stop()));
    await this.coordinator.close();
  }
}
