import type { Command } from "commander";
import type { EvictionReport } from "../../broker/retention/eviction.ts";
import { jsonOption } from "../arguments.ts";
import { callNode, dataOption, type NodeOptions } from "../call-node.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { formatJson, printLine, printRows } from "../terminal.ts";

interface EvictOptions extends NodeOptions {
  readonly bucket?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `xylem topic evict`: retention now, by the node on a data directory. */
export function addEvictCommand(topic: Command): void {
  topic
    .command("evict")
    .argument("[topic]")
    .description("apply retention now instead of at the next check")
    .option("--bucket <bucket>", "to the topics of a bucket, and its budget")
    .option("--all", "to every topic and bucket")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem topic evict orders\n  $ xylem topic evict --all")
    .action(evict);
}

async function evict(topic: string | undefined, options: EvictOptions): Promise<void> {
  const { bucket, all } = options;
  if ([topic, bucket, all].filter((choice) => choice !== undefined).length !== 1) {
    throw new CommandFailure("name a topic, or give --bucket or --all", exitCodes.usage);
  }
  const argument = { topic, bucket };
  const report = await callNode<EvictionReport>(options, "topic.evict", argument);
  if (options.json) return printLine(formatJson(report));
  printRows(report.partitions.map(toRow), { whenEmpty: "nothing to remove" });
  if (report.unlisted > 0) printLine(`and ${report.unlisted} more`);
  if (report.freedBytes > 0) printLine(`freed ${report.freedBytes} bytes`);
  const [failure] = report.failures;
  if (failure === undefined) return;
  const { length } = report.failures;
  const first = `${failure.topic}-${failure.partition}: ${failure.why}`;
  throw new CommandFailure(`${length} partitions failed, the first ${first}`);
}

function toRow({ topic, partition, ...moved }: EvictionReport["partitions"][number]) {
  const { logStartBefore, logStart, freedBytes } = moved;
  return { topic, partition, from: logStartBefore, to: logStart, freed: freedBytes };
}
