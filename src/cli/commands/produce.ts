import { type Command, Option } from "commander";
import type { Producer } from "@platformatic/kafka";
import { bootstrapOption, jsonOption, parseAssignment, parseIndex } from "../arguments.ts";
import { type BrokerOptions, withProducer } from "../kafka-clients.ts";
import { printOutcome } from "../terminal.ts";

type Compression = NonNullable<Parameters<Producer["send"]>[0]["compression"]>;
const codecs: readonly Compression[] = ["none", "gzip", "snappy", "lz4", "zstd"];
const acksByWord = { all: -1, "1": 1, "0": 0 } as const;

interface ProduceOptions extends BrokerOptions {
  readonly key?: string;
  readonly keySeparator?: string;
  readonly header?: readonly string[];
  readonly partition?: number;
  readonly compression: Compression;
  readonly acks: keyof typeof acksByWord;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Lines that ride in one request; more only wait when the broker is slower than the input. */
const linesPerRequestMax = 10_000;
const bytesPerRequestMax = 500_000;

/** `xylem produce`: each line of standard input becomes a record. */
export function addProduceCommand(program: Command): void {
  program
    .command("produce")
    .argument("<topic>")
    .description("append each line of standard input as a record")
    .option("-k, --key <key>", "the key of every record")
    .option("-K, --key-separator <text>", "the line up to this text is the key")
    .option("--header <name=value...>", "headers of every record")
    .option("-p, --partition <index>", "the partition", parseIndex)
    .addOption(
      new Option("-z, --compression <codec>", "of the batches").choices(codecs).default("none"),
    )
    .addOption(
      new Option("--acks <which>", "who must have a record before it counts as stored")
        .choices(Object.keys(acksByWord))
        .default("all"),
    )
    .option("-q, --quiet", "print nothing when done")
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Examples:
  $ echo hello | xylem produce greetings
  $ xylem produce orders -K : --header source=import < orders.txt`,
    )
    .action(produceLines);
}

async function produceLines(topic: string, options: ProduceOptions): Promise<void> {
  const count = await withProducer(options, async (producer) => {
    const settings = { acks: acksByWord[options.acks], compression: options.compression };
    let sum = 0;
    for await (const lines of readBatches()) {
      const messages = lines.map((line) => toMessage(topic, line, options));
      await producer.send({ ...settings, messages });
      sum += messages.length;
    }
    return sum;
  });
  if (options.quiet) return;
  const sentence = `${count} ${count === 1 ? "record" : "records"} to ${topic}`;
  printOutcome({ topic, records: count }, options, sentence);
}

function toMessage(topic: string, line: string, options: ProduceOptions) {
  const { key, value } = splitKey(line, options);
  const headers = new Map(
    (options.header ?? []).map((text) => {
      const { name, value: content } = parseAssignment(text);
      return [Buffer.from(name), Buffer.from(content)] as const;
    }),
  );
  return {
    topic,
    value: Buffer.from(value),
    headers,
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
    ...(options.partition === undefined ? {} : { partition: options.partition }),
  };
}

function splitKey(line: string, options: ProduceOptions): { key?: string; value: string } {
  const separator = options.keySeparator;
  const at = separator ? line.indexOf(separator) : -1;
  if (separator && at >= 0) {
    return { key: line.slice(0, at), value: line.slice(at + separator.length) };
  }
  return options.key === undefined ? { value: line } : { key: options.key, value: line };
}

/** Lines of standard input as they come: what one chunk completes goes out together. */
async function* readBatches(): AsyncGenerator<string[]> {
  process.stdin.setEncoding("utf8");
  let rest = "";
  for await (const chunk of process.stdin) {
    const lines = (rest + String(chunk)).split(/\r?\n/);
    rest = lines.pop() ?? "";
    yield* splitBatches(lines);
  }
  if (rest !== "") yield [rest];
}

function* splitBatches(lines: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let sizeBytes = 0;
  for (const line of lines) {
    batch.push(line);
    sizeBytes += line.length;
    if (batch.length < linesPerRequestMax && sizeBytes < bytesPerRequestMax) continue;
    yield batch;
    batch = [];
    sizeBytes = 0;
  }
  if (batch.length > 0) yield batch;
}
