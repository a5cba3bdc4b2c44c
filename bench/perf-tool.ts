import { RawClient } from "../test/support/raw-client.ts";
import { cpuSeconds } from "./process-usage.ts";
import { durabilityOf, type Bench, type Figures } from "./scenario.ts";

const partitionsUsual = 3;
let topicsMade = 0;

export interface ProduceLoad {
  readonly records: number;
  readonly recordBytes: number;
  readonly durability: "os" | "fsync";
  readonly partitions?: number;
  /** Settings of the Java producer beside acks=all. */
  readonly producer?: Readonly<Record<string, string>>;
}

/** A new topic for one run; the caller deletes it. */
export async function makeTopic(
  bench: Bench,
  durability: "os" | "fsync",
  partitions = partitionsUsual,
): Promise<string> {
  const client = await RawClient.open(bench.broker.port);
  const topic = `bench-${(topicsMade += 1)}`;
  const configs = durabilityOf(bench.broker, durability);
  const { errorCode, errorMessage } = await client.createTopic(topic, { partitions, configs });
  client.close();
  if (errorCode !== 0) throw new Error(`${topic}: ${errorCode} ${errorMessage}`);
  return topic;
}

export async function deleteTopic(bench: Bench, topic: string): Promise<void> {
  const client = await RawClient.open(bench.broker.port);
  await client.deleteTopic(topic);
  client.close();
}

/** kafka-producer-perf-test into a topic of its own. */
export async function measureProduce(bench: Bench, load: ProduceLoad): Promise<Figures> {
  const topic = await makeTopic(bench, load.durability, load.partitions);
  const figures = await produceInto(bench, topic, load);
  await deleteTopic(bench, topic);
  return figures;
}

export async function produceInto(
  bench: Bench,
  topic: string,
  load: ProduceLoad,
): Promise<Figures> {
  const producer = { "bootstrap.servers": bench.broker.bootstrap, acks: "all", ...load.producer };
  const properties = Object.entries(producer).map(([name, value]) => `${name}=${value}`);
  const size = ["--num-records", String(load.records), "--record-size", String(load.recordBytes)];
  const args = ["--topic", topic, ...size, "--throughput", "-1", "--producer-props", ...properties];
  const before = cpuSeconds(bench.broker.pid);
  const output = await toolsOf(bench).output("kafka-producer-perf-test", args);
  const used = cpuSeconds(bench.broker.pid) - before;
  const last = output.trim().split("\n").at(-1) ?? "";
  const gigabytes = (load.records * load.recordBytes) / 1e9;
  return {
    "MB/s": numberIn(last, /\(([\d.]+) MB\/sec\)/),
    "broker CPU s/GB": used / gigabytes,
    "p99 ms": numberIn(last, /(\d+) ms 99th/),
  };
}

/** kafka-consumer-perf-test over a topic that holds `records`. */
export async function consumeFrom(
  bench: Bench,
  topic: string,
  load: ProduceLoad,
): Promise<Figures> {
  const where = ["--bootstrap-server", bench.broker.bootstrap, "--topic", topic];
  const args = [...where, "--num-records", String(load.records), "--timeout", "60000"];
  const before = cpuSeconds(bench.broker.pid);
  const output = await toolsOf(bench).output("kafka-consumer-perf-test", args);
  const used = cpuSeconds(bench.broker.pid) - before;
  const columns = (output.trim().split("\n").at(-1) ?? "").split(", ");
  const gigabytes = (load.records * load.recordBytes) / 1e9;
  // The column after the totals leaves out the time to join the group.
  const joinedMbPerSecond = Number(columns[8]);
  return { "MB/s": joinedMbPerSecond, "broker CPU s/GB": used / gigabytes };
}

function toolsOf(bench: Bench): NonNullable<Bench["tools"]> {
  if (bench.tools === undefined) throw new Error("this scenario needs Java");
  return bench.tools;
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`${pattern} is not in: ${text}`);
  return Number(found);
}
