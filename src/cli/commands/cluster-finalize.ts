import { type Command, Option } from "commander";
import type { LevelChange } from "../../broker/cluster/finalize-level.ts";
import { jsonOption, parseCount } from "../arguments.ts";
import { callNode, dataOption, type NodeOptions } from "../call-node.ts";
import { formatJson, printLine } from "../terminal.ts";

interface FinalizeOptions extends NodeOptions {
  readonly level?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `xylem cluster finalize`: the end of a rolling upgrade. */
export function addClusterFinalizeCommand(cluster: Command): void {
  cluster
    .command("finalize")
    .description("use what a new version brings, once all nodes run it")
    .addOption(dataOption())
    .addOption(new Option("--level <level>", "not the highest that all can").argParser(parseCount))
    .option("--dry-run", "only say what it would do")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Until then nodes of the version before can still be started, and an upgrade be taken back node by
node. Afterwards they refuse to start, as they would not understand what the others say. There is
no way back. kafka-features.sh shows and sets the same as xylem.version.

Examples:
  $ xylem cluster finalize --dry-run --data /var/lib/xylem
  $ xylem cluster finalize --data /var/lib/xylem`,
    )
    .action(finalize);
}

async function finalize({ level, dryRun, json, ...options }: FinalizeOptions): Promise<void> {
  const wanted = { ...(level !== undefined && { level }), validateOnly: dryRun === true };
  const change = await callNode<LevelChange>(options, "cluster.finalize", wanted);
  if (json) return printLine(formatJson(change));
  const { before, level: after } = change;
  if (after === before) return printLine(`the feature level is ${before} already`);
  printLine(`feature level ${before} ${dryRun === true ? "would become" : "became"} ${after}`);
}
