import type { Command } from "commander";
import { addClusterFinalizeCommand } from "./cluster-finalize.ts";
import { addClusterInitCommand } from "./cluster-init.ts";

/** `xylem cluster`: several nodes that are one. */
export function addClusterCommand(program: Command): void {
  const cluster = program.command("cluster").description("make, upgrade and look after a cluster");
  addClusterInitCommand(cluster);
  addClusterFinalizeCommand(cluster);
}
