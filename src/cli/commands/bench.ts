import { randomUUID } from "node:crypto";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parseByteCount } from "../../base/settings/rows.ts";
import { bootstrapOption, jsonOption, parseCount, parseTime } from "../arguments.ts";
import { emptyTally, type Load, runLoad, type Tally, warmUp } from "../bench/bench-load.ts";
import { Gate } from "../bench/gate.ts";
import { formatReport, makeReport } from "../bench/bench-report.ts";
import {
  type Acks,
  acksOption,
  type Codec,
  compressionOption,
  doorOption,
  type WriteDoor,
  writeDoors,
} from "../doors/door.ts";
import { callHttp } from "../doors/call-http.ts";
import { withWriter } from "../doors/record-writer.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { type BrokerOptions, withAdmin } from "../kafka-clients.ts";
import { printOutcome, Progress } from "../terminal.ts";

interface BenchOptions extends BrokerOptions {
  readonly door: WriteDoor;
  readonly topic?: string;
  readonly partitions: number;
  readonly connections: number;
  readonly batch: number;
  readonly size: number;
  readonly rate?: number;
  readonly duration: number;
  readonly count?: number;
  readonly acks: Acks;
  readonly compression: Codec;
  readonly json?: boolean;
}

const connectionsMax = 1_000;
const durationMsMax = 24 * 3_600_000;
const sizeBytesMax = 64 * 1_024 * 1_024;

/** `xylem bench`: a load generator for any door. */
export function addBenchCommand(program: Command): void {
  program
    .command("bench")
    .description("append for a while and tell rates, latencies and errors")
    .option("--topic <topic>", "append to this topic, and keep it (default: one of its own)")
    .option("--partitions <count>", "of the topic of its own", parseCount, 3)
    .option("-c, --connections <count>", "writers, each with one request under way", parseCount, 4)
    .option("--batch <count>", "records in a request", parseCount, 100)
    .addOption(
      new Option("--size <bytes>", "of a record's value, such as 1KiB")
        .argParser(parseSize)
        .default(1_024, "1KiB"),
    )
    .option("--rate <records>", "records a second over all connections", parseCount)
    .addOption(
      new Option("-d, --duration <duration>", "how long")
        .argParser(parseTime)
        .default(10_000, "10s"),
    )
    .option("-n, --count <count>", "end after that many records", parseCount)
    .addOption(acksOption())
    .addOption(compressionOption())
    .addOption(doorOption(writeDoors))
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Latency is from when a request was due to its answer: with --rate, a broker that stands still is
not measured as idle. One request of each connection goes before the measurement. Exits with 1 when
a request failed. The generator takes as much of a processor as the broker: on one machine the rate
is that of both.

Examples:
  $ xylem bench
  $ xylem bench --batch 1 --size 100 --connections 64
  $ xylem bench --rate 20000 --duration 60s --json
  $ xylem bench -b kafka.example:9092 --topic tried --acks 1`,
    )
    .action(bench);
}

function parseSize(text: string): number {
  const bytes = parseByteCount(text);
  if (bytes !== undefined && bytes > 0 && bytes <= sizeBytesMax) return bytes;
  throw new InvalidArgumentError(`It is 1 to ${sizeBytesMax} bytes, such as 100 or 1KiB.`);
}

async function bench(options: BenchOptions): Promise<void> {
  checkBounds(options);
  const topic = options.topic ?? `xylem-bench-${randomUUID().slice(0, 8)}`;
  const isOwn = options.topic === undefined;
  if (isOwn) await makeTopic(topic, options);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  try {
    const { tally, seconds } = await runAll(topic, options, stop.signal);
    const run = { ...options, recordBytes: options.size };
    const report = makeReport(tally, run, seconds);
    printOutcome(report, options, formatReport(report));
    if (tally.errorCount > 0) throw new CommandFailure(`${tally.errorCount} requests failed`);
  } finally {
    if (isOwn) await deleteTopic(topic, options);
  }
}

function checkBounds({ connections, duration }: BenchOptions): void {
  const isTooMuch = connections > connectionsMax || duration > durationMsMax;
  if (!isTooMuch) return;
  throw new CommandFailure(`at most ${connectionsMax} connections for a day`, exitCodes.usage);
}

async function makeTopic(topic: string, options: BenchOptions): Promise<void> {
  const { partitions } = options;
  if (options.door === "kafka") {
    const topics = [topic];
    return withAdmin(options, async (admin) => {
      await admin.createTopics({ topics, partitions, replicas: -1 });
    });
  }
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ partitions });
  await callHttp(options, `/v1/topics/${topic}`, { method: "PUT", headers, body });
}

async function deleteTopic(topic: string, options: BenchOptions): Promise<void> {
  if (options.door !== "kafka") {
    await callHttp(options, `/v1/topics/${topic}`, { method: "DELETE" });
  } else await withAdmin(options, (admin) => admin.deleteTopics({ topics: [topic] }));
}

async function runAll(
  topic: string,
  options: BenchOptions,
  signal: AbortSignal,
): Promise<{ tally: Tally; seconds: number }> {
  const tally = emptyTally();
  const load = loadOfOne(options);
  const progress = new Progress(() => `${tally.records} records, ${tally.errorCount} errors`);
  let endMs = 0;
  const start = new Gate(options.connections);
  const lane = (): Promise<void> =>
    withWriter(options.door, { ...options, topic }, async (writer) => {
      await warmUp(writer, load);
      await start.pass();
      await runLoad(writer, load, tally, signal);
      endMs = performance.now();
    });
  try {
    await Promise.all(Array.from({ length: options.connections }, lane));
  } finally {
    progress.end();
  }
  return { tally, seconds: (endMs - start.openedMs) / 1_000 };
}

/** An equal share for each connection. */
function loadOfOne({ connections, batch, size, rate, duration, count }: BenchOptions): Load {
  return {
    recordsPerRequest: batch,
    recordBytes: size,
    requestsPerSecond: rate === undefined ? undefined : rate / batch / connections,
    durationMs: duration,
    requestsMax: count === undefined ? undefined : Math.ceil(count / batch / connections),
  };
}
