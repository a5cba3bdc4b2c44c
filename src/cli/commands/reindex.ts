import type { Command } from "commander";
import type { ReindexReport } from "../../broker/copies/reindexing.ts";
import { jsonOption } from "../arguments.ts";
import { callNode, dataOption, type NodeOptions } from "../call-node.ts";
import { printOutcome } from "../terminal.ts";

/** `xylem topic reindex`: what is derived from the log, made again by the node. */
export function addReindexCommand(topic: Command): void {
  topic
    .command("reindex")
    .argument("<topic>")
    .description("make indexes and producer snapshots again from the log")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ xylem topic reindex orders --data /var/lib/xylem")
    .action(reindex);
}

async function reindex(topic: string, options: NodeOptions & { json?: boolean }): Promise<void> {
  const report = await callNode<ReindexReport>(options, "topic.reindex", { topic });
  const { partitions, segments } = report;
  const sentence = `${topic}: ${partitions} partitions, ${segments} segments`;
  printOutcome({ topic, ...report }, options, sentence);
}
