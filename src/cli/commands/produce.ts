import { type Command, Option } from "commander";
import {
  bootstrapOption,
  jsonOption,
  parseAssignment,
  parseCount,
  parseIndex,
} from "../arguments.ts";
import {
  type Acks,
  acksOption,
  type Codec,
  compressionOption,
  doorOption,
  type WriteDoor,
  writeDoors,
} from "../doors/door.ts";
import { withWriter } from "../doors/record-writer.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { type InputOptions, inputFormats, readRecords } from "../input/read-records.ts";
import type { BrokerOptions } from "../kafka-clients.ts";
import { printOutcome } from "../terminal.ts";

interface ProduceOptions extends BrokerOptions {
  readonly door: WriteDoor;
  readonly value?: string;
  readonly format: InputOptions["format"];
  readonly key?: string;
  readonly keySeparator?: string;
  readonly header?: readonly string[];
  readonly partition?: number;
  readonly compression: Codec;
  readonly acks: Acks;
  readonly minReplicas?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** `xylem produce`: lines, JSON records or files become records. */
export function addProduceCommand(program: Command): void {
  program
    .command("produce")
    .argument("<topic>")
    .argument("[file...]", "files; without them, or for -, standard input")
    .description("append lines, JSON records or whole files as records")
    .option("--value <text>", "append this text as one record instead of reading input")
    .addOption(
      new Option("--format <format>", "a record a line, a JSON record a line, or a record a file")
        .choices(inputFormats)
        .default("lines"),
    )
    .option("-k, --key <key>", "the key of records that have none")
    .option("-K, --key-separator <text>", "the line up to this text is the key")
    .option("--header <name=value...>", "headers of every record")
    .option("-p, --partition <index>", "the partition", parseIndex)
    .addOption(compressionOption())
    .addOption(acksOption())
    .option("--min-replicas <count>", "as many replicas have it when it is answered", parseCount)
    .option("-q, --quiet", "print nothing when done")
    .addOption(doorOption(writeDoors))
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
A JSON record is what "xylem consume --json" prints: {"key": …, "value": …, "headers": {…}}, with
{"base64": …} for bytes that are no text, and null for none. Its offset and partition are left out.

Examples:
  $ echo hello | xylem produce greetings
  $ xylem produce greetings --value hello --key world
  $ xylem produce orders -K : --header source=import < orders.txt
  $ xylem produce photos --format file cat.jpg dog.jpg
  $ xylem consume orders --json | xylem produce orders-copy --format json`,
    )
    .action(produce);
}

async function produce(
  topic: string,
  files: readonly string[],
  options: ProduceOptions,
): Promise<void> {
  if (options.value !== undefined && files.length > 0) {
    throw new CommandFailure("--value and files exclude each other", exitCodes.usage);
  }
  if (options.minReplicas !== undefined && options.door === "kafka") {
    const why = "Kafka's door knows no --min-replicas: choose another one by --door";
    throw new CommandFailure(why, exitCodes.usage);
  }
  const input = readRecords(files, { ...options, headers: headersOf(options) });
  const count = await withWriter(options.door, { ...options, topic }, async (writer) => {
    let sum = 0;
    for await (const records of input) {
      await writer.append(records);
      sum += records.length;
    }
    return sum;
  });
  if (options.quiet) return;
  const sentence = `${count} ${count === 1 ? "record" : "records"} to ${topic}`;
  printOutcome({ topic, records: count }, options, sentence);
}

function headersOf({ header = [] }: ProduceOptions): InputOptions["headers"] {
  const given = header.map(parseAssignment);
  return given.map(({ name, value }) => [name, Buffer.from(value)] as const);
}
