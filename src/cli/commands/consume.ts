import type { Consumer } from "@platformatic/kafka";
import type { Command } from "commander";
import { bootstrapOption, jsonOption, parseCount, parseIndex } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { type BrokerOptions, withAdmin, withConsumer } from "../kafka-clients.ts";
import { readPartitions } from "../read-partitions.ts";
import { recordFormat, type ShownRecord } from "../record-format.ts";
import { startPositions } from "../start-position.ts";
import { readTopics } from "../topic-offsets.ts";

interface ConsumeOptions extends BrokerOptions {
  readonly from: string;
  readonly follow?: boolean;
  readonly group?: string;
  readonly format: string;
  readonly json?: boolean;
  readonly count?: number;
  readonly partition?: number;
}

/** `xylem consume`: prints the records of a topic. */
export function addConsumeCommand(program: Command): void {
  program
    .command("consume")
    .argument("<topic>")
    .description("print the records of a topic")
    .option("--from <position>", "earliest, latest, an offset, or -N for the last N", "earliest")
    .option("-f, --follow", "wait for new records instead of ending")
    .option("-g, --group <name>", "read as a member of a consumer group, committing offsets")
    .option("-p, --partition <index>", "one partition only", parseIndex)
    .option("--format <format>", 'json, value or a template such as "{offset} {value}"', "value")
    .option("-n, --count <count>", "end after that many records", parseCount)
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Examples:
  $ xylem consume orders --from -10 --format json
  $ xylem consume orders --follow --format "{partition}:{offset} {key} {value}"
  $ xylem consume orders --group billing --follow`,
    )
    .action(consumeTopic);
}

async function consumeTopic(topic: string, options: ConsumeOptions): Promise<void> {
  if (options.group !== undefined && options.partition !== undefined) {
    throw new CommandFailure("--group and --partition exclude each other", exitCodes.usage);
  }
  const format = recordFormat(options.json ? "json" : options.format);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  process.stdout.on("error", () => stop.abort());
  let left = options.count ?? Number.POSITIVE_INFINITY;
  const print = async (record: ShownRecord): Promise<boolean> => {
    await write(`${format(record)}\n`, stop.signal);
    left -= 1;
    return left > 0 && !stop.signal.aborted;
  };
  if (options.group === undefined) await readAlone(topic, options, { print, signal: stop.signal });
  else await readAsMember(topic, options, { print, signal: stop.signal });
}

interface Output {
  /** Answers whether more is wanted. */
  print(record: ShownRecord): Promise<boolean>;
  readonly signal: AbortSignal;
}

async function readAlone(topic: string, options: ConsumeOptions, output: Output): Promise<void> {
  const known = await withAdmin(options, async (admin) => (await readTopics(admin, [topic]))[0]);
  if (known === undefined) throw new CommandFailure(`there is no topic ${topic}`);
  const partitions = startPositions(known, options.from, options.partition);
  await withConsumer(options, async (consumer) => {
    const reading = { topic: known, partitions, isLive: options.follow ?? false };
    for await (const record of readPartitions(consumer, reading, output.signal)) {
      if (!(await output.print(record))) return;
    }
  });
}

async function readAsMember(topic: string, options: ConsumeOptions, output: Output): Promise<void> {
  const idleMsMax = options.follow ? Number.POSITIVE_INFINITY : memberIdleMs;
  await withConsumer(options, async (consumer) => {
    const mode = options.from === "latest" ? "latest" : "earliest";
    const stream = await consumer.consume({
      topics: [topic],
      mode: "committed",
      fallbackMode: mode,
      autocommit: false,
    });
    output.signal.addEventListener("abort", () => void stream.close().catch(() => undefined));
    const uncommitted = new Map<number, bigint>();
    let idle = armIdle(stream, idleMsMax);
    for await (const message of stream) {
      clearTimeout(idle);
      idle = armIdle(stream, idleMsMax);
      const headers = message.headerEntries.map(([name, value]) => [String(name), value] as const);
      const timestampMs = message.timestamp;
      const isMoreWanted = await output.print({ ...message, timestampMs, headers });
      uncommitted.set(message.partition, message.offset + 1n);
      if (uncommitted.size > 0 && stream.readableLength === 0) {
        await commit(consumer, topic, uncommitted);
      }
      if (!isMoreWanted) break;
    }
    clearTimeout(idle);
    await commit(consumer, topic, uncommitted);
    await stream.close();
  });
}

/** Without --follow a member ends when nothing came for this long. */
const memberIdleMs = 3_000;

function armIdle(
  stream: { close(): Promise<void> },
  idleMsMax: number,
): NodeJS.Timeout | undefined {
  if (!Number.isFinite(idleMsMax)) return undefined;
  return setTimeout(() => void stream.close().catch(() => undefined), idleMsMax);
}

async function commit(
  consumer: Consumer,
  topic: string,
  uncommitted: Map<number, bigint>,
): Promise<void> {
  if (uncommitted.size === 0) return;
  const offsets = [...uncommitted].map(([partition, offset]) => ({
    topic,
    partition,
    offset,
    leaderEpoch: -1,
  }));
  uncommitted.clear();
  await consumer.commit({ offsets });
}

/** Waits when the reader of our output is slower than the topic, but not for one that has gone. */
function write(text: string, signal: AbortSignal): Promise<void> | undefined {
  if (process.stdout.write(text) || signal.aborted) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      process.stdout.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    process.stdout.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}
