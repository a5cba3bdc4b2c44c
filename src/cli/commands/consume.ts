import type { Command } from "commander";
import { XylemError } from "../../base/errors.ts";
import { parseRecordFilter } from "../../broker/records/record-filter.ts";
import {
  bootstrapOption,
  jsonOption,
  parseAssignment,
  parseCount,
  parseIndex,
  parseTime,
} from "../arguments.ts";
import { doorOption, type ReadDoor, readDoors } from "../doors/door.ts";
import { type ReadingOptions, readThrough } from "../doors/record-reader.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { BrokerOptions } from "../kafka-clients.ts";
import { recordFormat } from "../record-format.ts";
import { positionHelp } from "../start-position.ts";

interface ConsumeOptions extends BrokerOptions {
  readonly door: ReadDoor;
  readonly from: string;
  readonly follow?: boolean;
  readonly for?: number;
  readonly group?: string;
  readonly filter?: readonly string[];
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
    .option("--from <position>", positionHelp, "earliest")
    .option("-f, --follow", "wait for new records instead of ending")
    .option("--for <duration>", "follow for that long, such as 10s, then end", parseTime)
    .option("-g, --group <name>", "read as a member of a consumer group, committing offsets")
    .option("-p, --partition <index>", "one partition only", parseIndex)
    .option("--filter <name=value...>", "only records for which all of these hold")
    .option("--format <format>", 'json, value or a template such as "{offset} {value}"', "value")
    .option("-n, --count <count>", "end after that many records", parseCount)
    .addOption(doorOption(readDoors))
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
A filter is key=…, key-prefix=…, header.NAME=… or json./pointer=… (the value is JSON that holds this
there). --json is --format json: a record a line, which "xylem produce --format json" takes.

Examples:
  $ xylem consume orders --from -10 --json
  $ xylem consume orders --follow --format "{partition}:{offset} {key} {value}"
  $ xylem consume orders --from latest --for 10s
  $ xylem consume orders --filter header.source=import --filter json./total=9
  $ xylem consume orders --group billing --follow`,
    )
    .action(consume);
}

async function consume(topic: string, options: ConsumeOptions): Promise<void> {
  if (options.group !== undefined && options.partition !== undefined) {
    throw new CommandFailure("--group and --partition exclude each other", exitCodes.usage);
  }
  checkDoor(options);
  const format = recordFormat(options.json ? "json" : options.format);
  const { signal } = stopWhenAsked(options.for);
  const reading = {
    ...options,
    topic,
    isLive: options.follow ?? options.for !== undefined,
    filter: toFilter(options),
  };
  let left = options.count ?? Number.POSITIVE_INFINITY;
  for await (const record of readThrough(options.door, reading, signal)) {
    await write(`${format(record)}\n`, signal);
    left -= 1;
    if (left <= 0 || signal.aborted) break;
  }
}

/** The same conditions at every door; what is none of them is refused before any is asked. */
function toFilter({ filter = [] }: ConsumeOptions): ReadingOptions["filter"] {
  const conditions = filter.map((text) => {
    const { name, value } = parseAssignment(text);
    return [name, value] as const;
  });
  try {
    parseRecordFilter(conditions);
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    throw new CommandFailure(error.message, exitCodes.usage, error);
  }
  return conditions;
}

function checkDoor({ door, group, follow, count, ...options }: ConsumeOptions): void {
  if (door !== "kafka" && door !== "http" && group !== undefined) {
    throw new CommandFailure("--group reads over the doors kafka and http", exitCodes.usage);
  }
  const hasEnd = count !== undefined || options.for !== undefined;
  if ((door !== "sse" && door !== "ws") || follow || hasEnd) return;
  throw new CommandFailure(`the ${door} door only follows: add -f, -n or --for`, exitCodes.usage);
}

/** A signal, a reader of our output that has gone, or the time that was given. */
function stopWhenAsked(afterMs: number | undefined): AbortController {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  process.stdout.on("error", () => stop.abort());
  if (afterMs !== undefined) setTimeout(() => stop.abort(), afterMs).unref();
  return stop;
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
