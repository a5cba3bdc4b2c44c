import type { Command } from "commander";
import { jsonOption } from "../arguments.ts";
import { callNode, dataOption, type NodeOptions } from "../call-node.ts";
import { type LogPoint, parsePoint } from "../log-point.ts";
import { formatJson, printLine, printRows } from "../terminal.ts";

interface ForkOptions extends NodeOptions {
  readonly as: string;
  readonly at: LogPoint;
  readonly json?: boolean;
}

interface Forked {
  readonly topic: string;
  readonly partitions: readonly { partition: number; start: number; end: number }[];
}

/** `xylem topic fork`: a topic out of another one's past, by the node on a data directory. */
export function addForkCommand(topic: Command): void {
  topic
    .command("fork")
    .argument("<topic>")
    .description("make a topic that begins with the records of another one")
    .requiredOption("--as <name>", "the new topic")
    .option(
      "--at <point>",
      "latest, an offset, or a time such as 2026-11-21T07:00Z",
      parsePoint,
      {},
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Both topics share the closed segments on the disk, so that a fork of any size takes a moment and no
room; each goes its own way afterwards. The cut counts for each partition by itself: the records
below the offset, as far as whole batches go, or those before the first that is not older than the
time.

Examples:
  $ xylem topic fork orders --as orders-debug
  $ xylem topic fork orders --as orders-debug --at 2026-11-21T07:00Z`,
    )
    .action(fork);
}

async function fork(topic: string, options: ForkOptions): Promise<void> {
  const argument = { topic, as: options.as, ...options.at };
  const forked = await callNode<Forked>(options, "topic.fork", argument);
  if (options.json) return printLine(formatJson(forked));
  printLine(`forked ${topic} as ${forked.topic}\n`);
  printRows(forked.partitions, { whenEmpty: "no partitions" });
}
