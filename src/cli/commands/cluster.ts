import type { Command } from "commander";
import { addClusterFinalizeCommand } from "./cluster-finalize.ts";
import { addClusterInitCommand } from "./cluster-init.ts";
import { addClusterPlanCommands } from "./cluster-plans.ts";

/** `xylem cluster`: several nodes that are one. */
export function addClusterCommand(program: Command): void {
  const cluster = program
    .command("cluster")
    .description("nodes of a cluster: what each has, who joins, what moves");
  addClusterPlanCommands(cluster);
  addClusterInitCommand(cluster);
  addClusterFinalizeCommand(cluster);
  cluster.addHelpText(
    "after",
    `
Examples:
  $ xylem cluster status
  $ xylem cluster plan
  $ xylem cluster commit --wait`,
  );
}
