import { type Command, InvalidArgumentError, Option } from "commander";
import { parseByteCount } from "../../base/settings/rows.ts";
import { jsonOption, parseIndex, parseTime } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { defaultBootstrap } from "../kafka-clients.ts";
import type { MirrorOptions } from "../mirror/mirror.ts";
import type { MirrorReport } from "../mirror/mirror-report.ts";
import { printOutcome, Progress } from "../terminal.ts";

interface MirrorCommandOptions {
  readonly from: string;
  readonly to: string;
  readonly topics?: string;
  readonly all?: boolean;
  readonly groups?: boolean;
  readonly untilCaughtUp?: boolean;
  readonly rate?: number;
  readonly memory: number;
  readonly refresh: number;
  readonly metrics?: number;
  readonly json?: boolean;
}

/** `xylem mirror`: moves in from any Kafka-compatible cluster. */
export function addMirrorCommand(program: Command): void {
  program
    .command("mirror")
    .description("copy topics, and groups with their offsets, out of another Kafka cluster")
    .requiredOption("--from <host:port>", "the cluster to copy from, or srv://name in DNS")
    .option("--to <host:port>", "the Xylem to copy to, or srv://name in DNS", defaultBootstrap)
    .addOption(new Option("--topics <names>", "these topics, commas between").conflicts("all"))
    .option("--all", "every topic but internal ones")
    .option("--groups", "groups' offsets too")
    .option("--until-caught-up", "end when everything there is has been copied")
    .option("--rate <bytes>", "copy so much a second at most, such as 20MiB", parseBytes)
    .option(
      "--memory <bytes>",
      "records that may be on their way at once",
      parseBytes,
      64 * 1024 * 1024,
    )
    .option("--refresh <duration>", "between two looks for topics and groups", parseTime, 5_000)
    .option("--metrics <port>", "serve Prometheus metrics on this port of loopback", parseIndex)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Records keep their offsets, times and compression, topics their partitions and configs, so that a
group goes on at the target where it was. What is copied is what is committed: transactions that
were aborted leave their offsets unused. Batches are passed on as they are, nothing is decoded.

All a run has to know lies in the target: it may be killed at any time, and another one goes on.
While it runs nobody else writes to the topics at the target. A group's offset is copied once its
records are there, until the group has members at the target. Without --until-caught-up it runs
until it is stopped.

Examples:
  $ xylem mirror --from kafka.example:9092 --all --groups
  $ xylem mirror --from kafka.example:9092 --topics orders,invoices --until-caught-up
  $ xylem mirror --from srv://kafka.example --to srv://xylem.example --all --rate 20MiB`,
    )
    .action(mirror);
}

function parseBytes(text: string): number {
  const bytes = parseByteCount(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new InvalidArgumentError("It is a count of bytes above 0, such as 20MiB.");
}

async function mirror(options: MirrorCommandOptions): Promise<void> {
  if (options.topics === undefined && !options.all) {
    throw new CommandFailure("--topics or --all says what to copy", exitCodes.usage);
  }
  const [{ Mirror }, { KafkaCluster }, { MirrorReport: Report }, { WireFailure }] =
    await Promise.all([
      import("../mirror/mirror.ts"),
      import("../mirror/kafka-cluster.ts"),
      import("../mirror/mirror-report.ts"),
      import("../mirror/wire-failure.ts"),
    ]);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const report = new Report((line) => process.stderr.write(`${line}\n`));
  const progress = new Progress(() => report.describe());
  const clusters: InstanceType<typeof KafkaCluster>[] = [];
  const door = await openMetrics(options.metrics, report);
  try {
    const [source, target] = [new KafkaCluster(options.from), new KafkaCluster(options.to)];
    clusters.push(source, target);
    await new Mirror({ source, target }, planOf(options), report).run(stop.signal);
  } catch (error) {
    if (!(error instanceof WireFailure)) throw error;
    const { isNetwork } = error.facts;
    const code = isNetwork === true ? exitCodes.unreachable : exitCodes.failed;
    throw new CommandFailure(error.message, code, error);
  } finally {
    progress.end();
    for (const cluster of clusters) cluster.close();
    door?.close();
  }
  printOutcome({ ...report.counts, stalls: [...report.stalls] }, options, report.describe());
}

function planOf(options: MirrorCommandOptions): MirrorOptions {
  return {
    topics: options.topics?.split(",").map((name) => name.trim()),
    copiesGroups: options.groups ?? false,
    isUntilCaughtUp: options.untilCaughtUp ?? false,
    bytesPerSecond: options.rate ?? Infinity,
    inFlightBytesMax: options.memory,
    refreshMs: options.refresh,
  };
}

async function openMetrics(
  port: number | undefined,
  report: MirrorReport,
): Promise<{ close(): void } | undefined> {
  if (port === undefined) return undefined;
  const { createServer } = await import("node:http");
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(report.metrics());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  }).catch((error: Error) => {
    throw new CommandFailure(`no metrics: ${error.message}`, exitCodes.usage, error);
  });
  return server;
}
