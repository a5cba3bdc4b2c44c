import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Kafka, type KafkaConfig, logLevel } from "kafkajs";
import { SmallDisk } from "../../support/small-disk.ts";
import { makeTemporaryFolder, removeFolder } from "../../support/temporary-folder.ts";
import { reasonToSkip } from "../../support/tools.ts";
import { waitUntil } from "../../support/wait-until.ts";
import type { PartitionAnswer } from "../../support/xylem-cluster.ts";
import type { FaultNet } from "../net/fault-net.ts";
import { LoopbackNet } from "../net/loopback-net.ts";
import { NamespaceNet } from "../net/namespace-net.ts";
import { etcdPeer, FaultEtcd } from "./fault-etcd.ts";
import { FaultNode } from "./fault-node.ts";

const nodeIds = [1, 2, 3] as const;
/** The node that takes part for a while only. */
const spareId = 4;
/** The node whose disk can be filled. */
export const smallDiskNode = 3;
const smallDiskSize = "512m";
const clockLibraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"].map(
  (folder) => `${folder}/faketime/libfaketimeMT.so.1`,
);

/** What this machine lets a run do. */
export interface Means {
  readonly network: boolean;
  readonly clock: boolean;
  readonly smallDisk: boolean;
  readonly python: boolean;
  readonly etcdMembers: number;
}

const answerWithinMs = 3_000;

interface TopicAnswer {
  readonly partitions: readonly PartitionAnswer[];
}

/** Three nodes and the members of their etcd, each process where the network can be cut off it. */
export class FaultCluster {
  readonly net: FaultNet;
  readonly nodes: readonly FaultNode[];
  /** One more, which is not up unless a nemesis starts it, and gone when that is over. */
  readonly spare: FaultNode;
  readonly etcds: readonly FaultEtcd[];
  readonly means: Means;
  readonly disk: SmallDisk | undefined;
  readonly #folder: string;

  private constructor(etcdMembers: number, logFolder: string) {
    const ids = [...nodeIds, spareId];
    const places = [...ids.map(nodePlace), ...Array.from({ length: etcdMembers }, etcdPlace)];
    const network = reasonToSkip(["netns"]) === undefined;
    const smallDisk = reasonToSkip(["tmpfs"]) === undefined;
    const clockLibrary = clockLibraries.find((path) => existsSync(path));
    const python = reasonToSkip(["python"]) === undefined;
    this.means = { network, smallDisk, python, clock: clockLibrary !== undefined, etcdMembers };
    this.net = network ? new NamespaceNet(places) : new LoopbackNet(places);
    this.#folder = makeTemporaryFolder("fault");
    this.disk = smallDisk ? new SmallDisk({ size: smallDiskSize }) : undefined;
    this.etcds = this.#makeEtcds(etcdMembers);
    const alike = this.#settings();
    const makeNode = (id: number): FaultNode => {
      const place = nodePlace(id);
      const settings = { ...alike, "node.id": String(id) };
      const options = { id, settings, clockLibrary, dataFolder: this.#dataFolder(id) };
      const logPath = join(logFolder, `node-${id}.log`);
      const commandAt = (command: readonly string[]) => this.net.commandAt(place, command);
      return new FaultNode({ ...options, logPath, commandAt, address: this.net.addressOf(place) });
    };
    this.nodes = nodeIds.map(makeNode);
    this.spare = makeNode(spareId);
  }

  static async start(options: { etcdMembers: number; logFolder: string }): Promise<FaultCluster> {
    mkdirSync(options.logFolder, { recursive: true });
    const cluster = new FaultCluster(options.etcdMembers, options.logFolder);
    for (const etcd of cluster.etcds) etcd.start();
    await Promise.all(cluster.etcds.map((etcd) => etcd.whenHealthy()));
    await Promise.all(cluster.nodes.map((node) => node.start()));
    await waitUntil("every node knows all", () => cluster.#knowsAll());
    return cluster;
  }

  node(id: number): FaultNode {
    const node = this.nodes.find((one) => one.id === id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  others(id: number): readonly FaultNode[] {
    return this.nodes.filter((node) => node.id !== id);
  }

  /** Addresses of all nodes, as Kafka's clients are told them. */
  get bootstrap(): string {
    return this.nodes.map(({ bootstrap }) => bootstrap).join(",");
  }

  /** A client that knows all nodes, patient enough for any fault. */
  kafka(config: Partial<KafkaConfig> = {}): Kafka {
    const brokers = this.bootstrap.split(",");
    const retry = { initialRetryTime: 50, maxRetryTime: 300, retries: 1_000 };
    const timeouts = { connectionTimeout: 1_000, requestTimeout: 5_000 };
    return new Kafka({ brokers, retry, ...timeouts, logLevel: logLevel.NOTHING, ...config });
  }

  /** What a node that answers says of `path`; undefined when none does. */
  async ask<Answer>(path: string): Promise<Answer | undefined> {
    for (const node of this.nodes) {
      const answer = await askNode<Answer>(node, path);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /** Has any node that answers do something; throws what the last one said against it. */
  async tell(method: "POST" | "PATCH", path: string, body: object): Promise<void> {
    let refusal = "no node is up";
    for (const node of this.nodes.filter(({ isRunning, isPaused }) => isRunning && !isPaused)) {
      const signal = AbortSignal.timeout(answerWithinMs);
      const headers = { "content-type": "application/json" };
      const request = { method, headers, body: JSON.stringify(body), signal };
      const answer = await fetch(`${node.url}/${path}`, request).catch(String);
      if (typeof answer !== "string" && answer.ok) return;
      refusal = typeof answer === "string" ? answer : await answer.text();
    }
    throw new Error(`${method} ${path}: ${refusal}`);
  }

  async partitions(topic: string): Promise<readonly PartitionAnswer[]> {
    return (await this.ask<TopicAnswer>(`topics/${topic}`))?.partitions ?? [];
  }

  async controllerId(): Promise<number> {
    return (await this.ask<{ controllerId: number }>("cluster"))?.controllerId ?? -1;
  }

  /** Whether every node knows every chain of `topics` to have all nodes as members. */
  async isWhole(topics: readonly string[]): Promise<boolean> {
    for (const topic of topics) {
      for (const node of this.nodes) {
        const answer = await askNode<TopicAnswer>(node, `topics/${topic}`);
        const { partitions } = answer ?? { partitions: [] };
        if (partitions.length === 0) return false;
        if (partitions.some(({ chain }) => chain.length < nodeIds.length)) return false;
      }
    }
    return true;
  }

  async stop(): Promise<void> {
    this.net.mend();
    for (const node of this.nodes) if (node.isPaused) node.resume();
    await Promise.all([...this.nodes, this.spare].map((node) => node.kill()));
    await Promise.all(this.etcds.map((etcd) => etcd.kill()));
    this.net.close();
    this.disk?.remove();
    removeFolder(this.#folder);
  }

  #dataFolder(id: number): string {
    const parent = id === smallDiskNode ? (this.disk?.root ?? this.#folder) : this.#folder;
    const folder = join(parent, `node-${id}`);
    mkdirSync(folder);
    return folder;
  }

  #makeEtcds(count: number): readonly FaultEtcd[] {
    const names = Array.from({ length: count }, etcdPlace);
    const address = (name: string): string => this.net.addressOf(name);
    const cluster = names.map((name) => etcdPeer(name, address(name))).join(",");
    return names.map((name) => {
      const commandAt = (command: readonly string[]) => this.net.commandAt(name, command);
      const folder = join(this.#folder, name);
      return new FaultEtcd({ name, cluster, folder, commandAt, address: address(name) });
    });
  }

  #settings(): Readonly<Record<string, string>> {
    return {
      coordinator: `etcd://${this.etcds.map(({ address }) => address).join(",")}`,
      "cluster.secret": randomBytes(24).toString("hex"),
      "cluster.expect": String(nodeIds.length),
      insecure: "true",
      "replica.lag.time.max.ms": "5000",
      "offsets.topic.num.partitions": "4",
      "offsets.topic.replication.factor": "3",
      // Replicas are compared byte by byte, and each compacts by itself what it was cut to.
      "log.cleaner.backoff.ms": "86400000",
    };
  }

  async #knowsAll(): Promise<boolean> {
    for (const node of this.nodes) {
      const answer = await askNode<{ nodes: readonly { status: string }[] }>(node, "cluster");
      const { nodes } = answer ?? { nodes: [] };
      if (nodes.length < nodeIds.length) return false;
      if (nodes.some(({ status }) => status !== "serving")) return false;
    }
    return true;
  }
}

/** What one node says of `path`; undefined without an answer. */
async function askNode<Answer>(node: FaultNode, path: string): Promise<Answer | undefined> {
  if (!node.isRunning || node.isPaused) return undefined;
  try {
    const signal = AbortSignal.timeout(answerWithinMs);
    const response = await fetch(`${node.url}/${path}`, { signal });
    return response.ok ? ((await response.json()) as Answer) : undefined;
  } catch {
    return undefined;
  }
}

/** Where a node is in the network. */
export function nodePlace(id: number): string {
  return `node-${id}`;
}

function etcdPlace(_: unknown, at: number): string {
  return `etcd-${at}`;
}
