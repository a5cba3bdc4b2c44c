import { mkdirSync, writeFileSync } from "node:fs";
import type { BrokerOptions, BrokerProcess } from "./broker-process.ts";
import { Child, run } from "./child-process.ts";
import { findFreePort } from "./free-port.ts";
import { javaFlags, kafkaClassPath } from "./kafka-classes.ts";
import { makeTemporaryFolder, removeFolder } from "./temporary-folder.ts";

const readyLine = /Kafka Server started/;
const readyWithinMs = 120_000;
const heapMiB = 1024;

/** Starts Apache Kafka as a single KRaft node on loopback. */
export async function startKafka(options: BrokerOptions = {}): Promise<BrokerProcess> {
  const ports = { client: await findFreePort(), controller: await findFreePort() };
  const broker = new KafkaProcess(options, ports, await kafkaClassPath());
  await broker.format();
  await broker.launch();
  return broker;
}

/** Starts a KRaft cluster on loopback: its first node is the only controller, and a broker too. */
export async function startKafkaBrokers(
  count: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<readonly BrokerProcess[]> {
  const controller = await findFreePort();
  const classPath = await kafkaClassPath();
  const brokers: BrokerProcess[] = [];
  for (let nodeId = 1; nodeId <= count; nodeId += 1) {
    const ports = { client: await findFreePort(), controller };
    const broker = new KafkaProcess({ settings }, ports, classPath, nodeId);
    await broker.format();
    await broker.launch();
    brokers.push(broker);
  }
  return brokers;
}

class KafkaProcess implements BrokerProcess {
  readonly product = "kafka";
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly bootstrap: string;
  readonly dataFolder: string;
  readonly #home: string;
  readonly #classPath: string;
  readonly #nodeId: number;
  #child: Child | undefined;
  #launchMs = 0;

  constructor(
    options: BrokerOptions,
    ports: { readonly client: number; readonly controller: number },
    classPath: string,
    nodeId = 1,
  ) {
    this.#home = makeTemporaryFolder("kafka");
    this.dataFolder = options.dataFolder ?? `${this.#home}/data`;
    this.port = ports.client;
    this.bootstrap = `${this.host}:${this.port}`;
    this.#classPath = classPath;
    this.#nodeId = nodeId;
    mkdirSync(this.dataFolder, { recursive: true });
    const own = {
      ...nodeSettings(ports, this.dataFolder),
      ...(nodeId === 1 ? {} : brokerSettings(ports, nodeId)),
    };
    const lines = Object.entries({ ...own, ...options.settings });
    writeFileSync(this.#settingsFile, lines.map(([name, value]) => `${name}=${value}\n`).join(""));
  }

  get #settingsFile(): string {
    return `${this.#home}/server.properties`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  get launchMs(): number {
    return this.#launchMs;
  }

  get output(): string {
    return `${this.#child?.stdout}${this.#child?.stderr}`;
  }

  async format(): Promise<void> {
    const quorum = this.#nodeId === 1 ? ["--standalone"] : [];
    const node = [...quorum, "--cluster-id", "4L6g3nShT-eMCtK--X86sw"];
    const args = ["kafka.tools.StorageTool", "format", ...node, "-c", this.#settingsFile];
    const outcome = await run("java", [...javaFlags(256), "-cp", this.#classPath, ...args]);
    if (outcome.code !== 0) throw new Error(`kafka-storage: ${outcome.stdout}${outcome.stderr}`);
  }

  async launch(): Promise<void> {
    const args = ["-cp", this.#classPath, "kafka.Kafka", this.#settingsFile];
    const startedMs = performance.now();
    this.#child = new Child("java", [...serverFlags(), ...args]);
    await this.#child.waitForOutput(readyLine, readyWithinMs);
    this.#launchMs = performance.now() - startedMs;
  }

  terminate(): Promise<number> {
    return this.#running().end("SIGTERM", 60_000);
  }

  async stop(): Promise<number> {
    const code = await this.terminate();
    removeFolder(this.#home);
    return code;
  }

  async kill(): Promise<void> {
    await this.#running().end("SIGKILL");
  }

  async restart(): Promise<void> {
    await this.terminate();
    await this.launch();
  }

  #running(): Child {
    if (this.#child === undefined) throw new Error("not started");
    return this.#child;
  }
}

/** The collector and heap of Kafka's own start script. */
function serverFlags(): string[] {
  const collector = javaFlags(heapMiB).filter((flag) => flag !== "-XX:+UseSerialGC");
  return [...collector, `-Xms${heapMiB}m`, "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"];
}

function nodeSettings(
  ports: { readonly client: number; readonly controller: number },
  dataFolder: string,
): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.bootstrap.servers": `127.0.0.1:${ports.controller}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    listeners: `PLAINTEXT://127.0.0.1:${ports.client},CONTROLLER://127.0.0.1:${ports.controller}`,
    "log.dirs": dataFolder,
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "5",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "group.initial.rebalance.delay.ms": "0",
  };
}

/** Of a node that is no controller. */
function brokerSettings(
  ports: { readonly client: number },
  nodeId: number,
): Record<string, string> {
  return {
    "process.roles": "broker",
    "node.id": String(nodeId),
    listeners: `PLAINTEXT://127.0.0.1:${ports.client}`,
  };
}
