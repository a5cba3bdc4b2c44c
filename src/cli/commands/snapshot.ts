import { resolve } from "node:path";
import type { Command } from "commander";
import type { DirectoryCopyReport } from "../../broker/copies/copy-directory.ts";
import type { SnapshotReport } from "../../broker/copies/snapshots.ts";
import { jsonOption } from "../arguments.ts";
import { askNode } from "../ask-node.ts";
import { callNode, dataOption, type NodeOptions } from "../call-node.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { holdStopped } from "../hold-stopped.ts";
import { formatJson, printLine } from "../terminal.ts";

interface SnapshotOptions extends NodeOptions {
  readonly to: string;
  readonly json?: boolean;
}

interface RestoreOptions extends NodeOptions {
  readonly newIds?: boolean;
  readonly json?: boolean;
}

/** `xylem snapshot` and `xylem restore`: copies of a whole data directory. */
export function addSnapshotCommands(program: Command): void {
  program
    .command("snapshot")
    .description("copy all of a node, running or stopped, as it is at one moment")
    .requiredOption("--to <directory>", "where to; empty, or not there yet")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Topics, configs, groups and their offsets are in it. On the same file system closed segments are
shared by hard links: they take no room, and whatever becomes of one copy, the other keeps them.
A start works on the snapshot as it is; "xylem restore" makes a data directory of it and keeps it.

Examples:
  $ xylem snapshot --data /var/lib/xylem --to /var/backups/xylem-monday`,
    )
    .action(snapshot);
  program
    .command("restore")
    .argument("<snapshot>")
    .description("make a data directory out of a snapshot")
    .option("--data <directory>", "the new directory; empty, or not there yet", "./data")
    .option("--new-ids", "it becomes a cluster of its own")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Examples:
  $ xylem restore /var/backups/xylem-monday --data /var/lib/xylem
  $ xylem restore /var/backups/xylem-monday --data ./try --new-ids`,
    )
    .action(restore);
}

async function snapshot(options: SnapshotOptions): Promise<void> {
  const { data, json } = options;
  const to = resolve(options.to);
  if ((await askNode(data, "ping")) === undefined) return await copyStopped(data, to, options);
  const report = await callNode<SnapshotReport>(options, "snapshot", { to });
  if (json) return printLine(formatJson(report));
  const { topics, partitions, linkedSegments, copiedBytes } = report;
  const how = `${linkedSegments} segments shared, ${copiedBytes} bytes copied`;
  printLine(`${to}: ${topics} topics, ${partitions} partitions, ${how}`);
}

async function restore(from: string, options: RestoreOptions): Promise<void> {
  if ((await askNode(from, "ping").catch(() => undefined)) !== undefined) {
    throw new CommandFailure(`a node uses ${from}: take a snapshot of it`, exitCodes.inUse);
  }
  await copy({ from, to: options.data, renewIds: options.newIds === true }, options);
}

async function copyStopped(data: string, to: string, options: { json?: boolean }): Promise<void> {
  const lock = await holdStopped(data, () => undefined);
  try {
    await copy({ from: data, to, renewIds: false }, options);
  } finally {
    await lock?.release();
  }
}

async function copy(
  what: { readonly from: string; readonly to: string; readonly renewIds: boolean },
  { json }: { readonly json?: boolean },
): Promise<void> {
  const { restoreDirectory } = await import("../../node/copies/restore-directory.ts");
  const { XylemError } = await import("../../base/errors.ts");
  let report: DirectoryCopyReport;
  try {
    report = await restoreDirectory(what);
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    const exitCode = error.code === "INVALID_REQUEST" ? exitCodes.usage : exitCodes.failed;
    throw new CommandFailure(error.message, exitCode, error);
  }
  if (json) return printLine(formatJson(report));
  const { folders, linkedFiles, copiedBytes, isClean } = report;
  const how = `${linkedFiles} files shared, ${copiedBytes} bytes copied`;
  printLine(`${what.to}: ${folders} partitions, ${how}`);
  if (!isClean) printLine(`${what.from} was not stopped in order: the first start recovers it`);
}
