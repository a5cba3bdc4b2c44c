import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Kafka, type KafkaConfig, logLevel } from "kafkajs";
import type { BrokerProcess } from "./broker-process.ts";
import { EtcdServer } from "./etcd.ts";
import { removeFolder } from "./temporary-folder.ts";
import { waitUntil } from "./wait-until.ts";
import { startXylem, type XylemBuild } from "./xylem-process.ts";

/** What `GET /v1/cluster` tells. */
interface ClusterAnswer {
  readonly controllerId: number;
  readonly nodes: readonly { readonly nodeId: number; readonly status: string }[];
}

/** What a node tells of a partition. */
export interface PartitionAnswer {
  readonly partition: number;
  readonly leader: number;
  readonly leaderEpoch: number;
  /** Nodes of its chain that are up, head first. */
  readonly chain: readonly number[];
}

/** What the nodes share. */
interface SharedCoordinator {
  /** As the setting `coordinator` takes it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Nodes in processes of their own, and the coordinator that they share; ids from 1 on. */
export class XylemCluster {
  readonly #coordinator: SharedCoordinator;
  readonly #nodes: BrokerProcess[];
  /** Of all nodes. */
  readonly #settings: Readonly<Record<string, string>>;
  readonly #stops: (() => unknown)[] = [];
  #etcd: EtcdServer | undefined;

  private constructor(
    coordinator: SharedCoordinator,
    nodes: readonly BrokerProcess[],
    settings: Readonly<Record<string, string>>,
  ) {
    this.#coordinator = coordinator;
    this.#nodes = [...nodes];
    this.#settings = settings;
  }

  /** On an etcd of one member. */
  static async start(
    count: number,
    settings: Readonly<Record<string, string>> = {},
    own: (id: number) => Readonly<Record<string, string>> = () => ({}),
    build?: XylemBuild,
  ): Promise<XylemCluster> {
    const [etcd] = (await EtcdServer.startAll(1)) as [EtcdServer];
    const shared = { url: `etcd://${etcd.address}`, stop: () => etcd.stop() };
    const cluster = await XylemCluster.startOn(shared, count, settings, own, build);
    cluster.#etcd = etcd;
    return cluster;
  }

  /** The coordinator stops with it. */
  static async startOn(
    coordinator: SharedCoordinator,
    ...[count, settings = {}, own, build]: Parameters<typeof XylemCluster.start>
  ): Promise<XylemCluster> {
    const secret = randomBytes(24).toString("hex");
    const shared = {
      coordinator: coordinator.url,
      "cluster.secret": secret,
      "cluster.expect": String(count),
    };
    const starting = Array.from({ length: count }, (_, at) =>
      startXylem(
        { settings: { ...shared, "node.id": String(at + 1), ...settings, ...own?.(at + 1) } },
        build,
      ),
    );
    const cluster = new XylemCluster(coordinator, await Promise.all(starting), shared);
    await waitUntil("every node knows all", async () => {
      const seen = await Promise.all(cluster.ids.map((id) => cluster.describe(id)));
      return seen.every(
        ({ nodes }) => nodes.length === count && nodes.every(({ status }) => status === "serving"),
      );
    });
    return cluster;
  }

  get etcd(): EtcdServer {
    if (this.#etcd === undefined) throw new Error("this cluster has another coordinator");
    return this.#etcd;
  }

  get ids(): readonly number[] {
    return this.#nodes.map((_, at) => at + 1);
  }

  node(id: number): BrokerProcess {
    const node = this.#nodes[id - 1];
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** One more node, with the next id; it waits for a plan. */
  async add(settings: Readonly<Record<string, string>> = {}): Promise<number> {
    const id = this.#nodes.length + 1;
    const own = { ...this.#settings, "node.id": String(id), ...settings };
    this.#nodes.push(await startXylem({ settings: own }));
    return id;
  }

  /** Stops a node in order, and starts it in its place with settings besides those of all. */
  async restartWith(
    id: number,
    settings: Readonly<Record<string, string>>,
    build?: XylemBuild,
  ): Promise<void> {
    const former = this.node(id);
    // One that did not start has ended already.
    await former.terminate().catch(() => undefined);
    const { dataFolder, port } = former;
    const own = { "node.id": String(id), port: String(port), ...this.#settings, ...settings };
    // Its temporary folder goes with the one that made it.
    this.#stops.push(() => removeFolder(dataFolder));
    this.#nodes[id - 1] = await startXylem({ dataFolder, settings: own }, build);
  }

  /** A client that knows all nodes. */
  kafka(options: Partial<KafkaConfig> = {}): Kafka {
    const brokers = this.#nodes.map(({ bootstrap }) => bootstrap);
    const retry = { initialRetryTime: 50, maxRetryTime: 200, retries: 200 };
    return new Kafka({ brokers, retry, logLevel: logLevel.NOTHING, ...options });
  }

  describe(at: number): Promise<ClusterAnswer> {
    return this.#get(at, "cluster");
  }

  async partitions(at: number, topic: string): Promise<readonly PartitionAnswer[]> {
    const answer = await this.#get<{ partitions: readonly PartitionAnswer[] }>(
      at,
      `topics/${topic}`,
    );
    return answer.partitions;
  }

  /** Every node knows so many partitions of it, with heads: whichever one a client asks. */
  async whenKnown(topic: string, count: number): Promise<void> {
    await waitUntil(`every node knows ${count} partitions of ${topic}`, async () => {
      const told = await Promise.all(
        this.ids.map((id) => this.partitions(id, topic).catch(() => [])),
      );
      const hasHead = ({ leader }: PartitionAnswer): boolean => leader > 0;
      return told.every((all) => all.length === count && all.every(hasHead));
    });
  }

  /** The bytes of a partition's log on one node. */
  logBytes(id: number, topic: string, partition: number): Buffer {
    const folder = join(this.node(id).dataFolder, `${topic}-${partition}`);
    const names = readdirSync(folder).filter((name) => name.endsWith(".log"));
    return Buffer.concat(names.sort().map((name) => readFileSync(join(folder, name))));
  }

  /** Asked of the nodes that are named. */
  async whenWhole(topic: string, length: number, ids = this.ids): Promise<void> {
    const [at = 0] = ids;
    await waitUntil(`every chain of ${topic} has ${length} members`, async () => {
      const partitions = await this.partitions(at, topic).catch(() => []);
      return partitions.length > 0 && partitions.every(({ chain }) => chain.length === length);
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop().catch(() => undefined)));
    await this.#coordinator.stop();
    for (const stop of this.#stops) stop();
  }

  async #get<T>(at: number, path: string): Promise<T> {
    const answer = await fetch(`http://${this.node(at).bootstrap}/v1/${path}`);
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }
}
