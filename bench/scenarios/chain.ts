import type { BrokerProcess } from "../../test/support/broker-process.ts";
import { startKafkaBrokers } from "../../test/support/kafka-process.ts";
import { batchOf, RawClient } from "../../test/support/raw-client.ts";
import { XylemCluster } from "../../test/support/xylem-cluster.ts";
import { waitUntil } from "../../test/support/wait-until.ts";
import { percentile } from "../median.ts";
import { deleteTopic, type ProduceLoad, produceInto } from "../perf-tool.ts";
import { cpuSeconds } from "../process-usage.ts";
import { type Bench, durabilityOf, type Figures, type Scenario } from "../scenario.ts";

const replicas = 3;
/** A busy machine must not look like a dead node. */
const quietSettings = { "cluster.lease.ms": "10000", "default.replication.factor": "3" };

/** Three nodes that hold every partition, and what to do when they are measured. */
interface Trio {
  readonly nodes: readonly BrokerProcess[];
  readonly stop: () => Promise<void>;
}

const startTrio = {
  xylem: async (): Promise<Trio> => {
    const cluster = await XylemCluster.start(replicas, quietSettings);
    return { nodes: cluster.ids.map((id) => cluster.node(id)), stop: () => cluster.stop() };
  },
  kafka: async (): Promise<Trio> => {
    const nodes = await startKafkaBrokers(replicas, { "default.replication.factor": "3" });
    const stop = async (): Promise<void> => {
      for (const node of nodes.toReversed()) await node.stop();
    };
    return { nodes, stop };
  },
};

/** acks=all into chains of three on this machine, beside one node and three Kafka brokers. */
function produceToChain(durability: "os" | "fsync"): Scenario {
  return {
    name: `chain of 3, produce 1 KiB, acks=all, ${durability}`,
    needsJava: true,
    isOursOnly: true,
    figures: [
      "MB/s",
      "one node MB/s",
      "of one node",
      "3 Kafka brokers MB/s",
      "of 3 Kafka brokers",
      "CPU s/GB of 3 nodes",
      "CPU s/GB of one node",
      "CPU s/GB of 3 Kafka brokers",
    ],
    isHigherBetter: true,
    isWarmedUp: false,
    repetitionsMax: 3,
    measure: (bench) => measureProduce(bench, durability),
  };
}

export const chainProduceOs = produceToChain("os");
export const chainProduceFsync = produceToChain("fsync");

async function measureProduce(bench: Bench, durability: "os" | "fsync"): Promise<Figures> {
  const load = { records: bench.isQuick ? 60_000 : 450_000, recordBytes: 1_024, durability };
  const chain = await withTrio("xylem", (trio) => produceTo(trio, bench, load));
  const kafka = await withTrio("kafka", (trio) => produceTo(trio, bench, load));
  // The nodes of the cluster were asked over HTTP: the memory of that door counts on both sides.
  await fetch(`http://${bench.broker.bootstrap}/v1/cluster`);
  const one = await produceTo({ nodes: [bench.broker] }, bench, load);
  return {
    "MB/s": chain.mbPerSecond,
    "one node MB/s": one.mbPerSecond,
    "of one node": chain.mbPerSecond / one.mbPerSecond,
    "3 Kafka brokers MB/s": kafka.mbPerSecond,
    "of 3 Kafka brokers": chain.mbPerSecond / kafka.mbPerSecond,
    "CPU s/GB of 3 nodes": chain.cpuPerGigabyte,
    "CPU s/GB of one node": one.cpuPerGigabyte,
    "CPU s/GB of 3 Kafka brokers": kafka.cpuPerGigabyte,
  };
}

/** The first load warms up both sides and is not counted. */
async function produceTo(
  { nodes }: Pick<Trio, "nodes">,
  bench: Bench,
  load: ProduceLoad,
): Promise<{ mbPerSecond: number; cpuPerGigabyte: number }> {
  const [broker] = nodes as [BrokerProcess];
  const asked = { ...bench, broker };
  const topic = `chain-${load.durability}`;
  await makeReplicated(nodes, topic, { partitions: 3, durability: load.durability });
  await produceInto(asked, topic, { ...load, records: load.records / 3 });
  const before = nodes.map(({ pid }) => cpuSeconds(pid));
  const figures = await produceInto(asked, topic, load);
  const used = nodes.map(({ pid }, at) => cpuSeconds(pid) - (before[at] ?? 0));
  const gigabytes = (load.records * load.recordBytes) / 1e9;
  console.log(`  CPU s of each node: ${used.map((seconds) => seconds.toFixed(1)).join(", ")}`);
  await deleteTopic(asked, topic);
  const cpuPerGigabyte = used.reduce((sum, seconds) => sum + seconds, 0) / gigabytes;
  return { mbPerSecond: figures["MB/s"] ?? Number.NaN, cpuPerGigabyte };
}

async function withTrio<T>(
  product: keyof typeof startTrio,
  use: (trio: Trio) => Promise<T>,
): Promise<T> {
  const trio = await startTrio[product]();
  try {
    return await use(trio);
  } finally {
    await trio.stop();
  }
}

/** Resolves once every node has every partition. */
async function makeReplicated(
  nodes: readonly BrokerProcess[],
  topic: string,
  asked: { readonly partitions: number; readonly durability: "os" | "fsync" },
): Promise<void> {
  const [first] = nodes as [BrokerProcess];
  const client = await RawClient.open(first.port);
  const durability = Object.entries(durabilityOf(first, asked.durability));
  const configs = durability.map(([name, value]) => ({ name, value }));
  const created = { name: topic, numPartitions: asked.partitions, replicationFactor: -1, configs };
  const topics = [{ ...created, assignments: [] }];
  await client.connection.request("CreateTopics", 7, { topics, timeoutMs: 30_000 });
  await waitUntil(`${topic} is on ${nodes.length} nodes`, async () => {
    const { partitions } = await client.describeTopic(topic);
    if (partitions.length < asked.partitions) return false;
    return partitions.every(({ isrNodes }) => isrNodes.length === nodes.length);
  });
  client.close();
}

/** One request at a time: what a careful writer waits for while three nodes take it. */
function oneInFlight(durability: "os" | "fsync"): Scenario {
  return {
    name: `chain of 3, 100 B, one request in flight, ${durability}`,
    needsJava: true,
    isOursOnly: true,
    figures: [
      "p50 ms",
      "p99 ms",
      "one node p50 ms",
      "one node p99 ms",
      "3 Kafka brokers p50 ms",
      "3 Kafka brokers p99 ms",
    ],
    isHigherBetter: false,
    isWarmedUp: false,
    repetitionsMax: 3,
    measure: (bench) => measureLatency(bench, durability),
  };
}

export const chainOneInFlightOs = oneInFlight("os");
export const chainOneInFlightFsync = oneInFlight("fsync");

async function measureLatency(bench: Bench, durability: "os" | "fsync"): Promise<Figures> {
  const requests = bench.isQuick ? 500 : 3_000;
  const measure = ({ nodes }: Trio): Promise<number[]> => latenciesOf(nodes, durability, requests);
  const chain = await withTrio("xylem", measure);
  const kafka = await withTrio("kafka", measure);
  const one = await measure({ nodes: [bench.broker], stop: async () => undefined });
  return {
    "p50 ms": percentile(chain, 0.5),
    "p99 ms": percentile(chain, 0.99),
    "one node p50 ms": percentile(one, 0.5),
    "one node p99 ms": percentile(one, 0.99),
    "3 Kafka brokers p50 ms": percentile(kafka, 0.5),
    "3 Kafka brokers p99 ms": percentile(kafka, 0.99),
  };
}

/** The first requests warm up and are not counted. */
async function latenciesOf(
  nodes: readonly BrokerProcess[],
  durability: "os" | "fsync",
  requests: number,
): Promise<number[]> {
  const [first] = nodes as [BrokerProcess];
  const topic = `one-in-flight-${durability}`;
  await makeReplicated(nodes, topic, { partitions: 1, durability });
  const admin = await RawClient.open(first.port);
  const { partitions } = await admin.describeTopic(topic);
  const leader = nodes[nodes.length === 1 ? 0 : (partitions[0]?.leaderId ?? 1) - 1] ?? first;
  const client = await RawClient.open(leader.port);
  const latenciesMs: number[] = [];
  const batch = batchOf(["x".repeat(100)]);
  for (let request = -200; request < requests; request += 1) {
    const startedMs = performance.now();
    const { errorCode } = await client.produce([topic, 0], batch.slice());
    if (errorCode !== 0) throw new Error(`${topic}: ${errorCode}`);
    if (request >= 0) latenciesMs.push(performance.now() - startedMs);
  }
  client.close();
  await admin.deleteTopic(topic);
  admin.close();
  return latenciesMs;
}
