import type { Command } from "commander";
import type { ReindexReport } from "../../broker/copies/reindexing.ts";
import { callNode, dataOption, type NodeOptions } from "../call-node.ts";
import { printLine } from "../terminal.ts";

/** `xylem topic reindex`: what is derived from the log, made again by the node. */
export function addReindexCommand(topic: Command): void {
  topic
    .command("reindex")
    .argument("<topic>")
    .description("make indexes and producer snapshots again from the log")
    .addOption(dataOption())
    .action(reindex);
}

async function reindex(topic: string, options: NodeOptions): Promise<void> {
  const report = await callNode<ReindexReport>(options, "topic.reindex", { topic });
  printLine(`${topic}: ${report.partitions} partitions, ${report.segments} segments`);
}
