import type { Command } from "commander";
import { jsonOption } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { holdStopped } from "../hold-stopped.ts";
import { formatJson, printLine } from "../terminal.ts";
import { formatFinding } from "../verify-finding.ts";

interface VerifyCommandOptions {
  readonly data: string;
  readonly topic?: string;
  readonly json?: boolean;
}

/** `xylem verify`: scrubs the data directory of a stopped node. Changes nothing in it. */
export function addVerifyCommand(program: Command): void {
  program
    .command("verify")
    .description("check every batch and index in the data directory of a stopped node")
    .option("--data <directory>", "the data directory", "./data")
    .option("-t, --topic <name>", "only this topic")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Reads lengths, checksums and offsets of every batch, holds the indexes against them, and reads
checkpoints and snapshots. Changes nothing. Each damage is a line: topic and partition, file,
position, and the first and last offset that is lost; "note" is no damage. With --json each
finding is an object on its own line, the totals are the last one.

Exits with 0 when all is well, 1 when something is damaged, 4 when a node uses the directory.

Examples:
  $ xylem verify --data /var/lib/xylem
  $ xylem verify --topic orders --json`,
    )
    .action(verify);
}

async function verify(options: VerifyCommandOptions): Promise<void> {
  const { data, json } = options;
  const stop = new AbortController();
  const lock = await holdStopped(data, () => stop.abort(new CommandFailure("stopped")));
  try {
    const { verifyData } = await import("../verify-data.ts");
    const totals = await verifyData(data, {
      topic: options.topic,
      signal: stop.signal,
      report: (finding) => printLine(json ? formatJson(finding) : formatFinding(finding)),
    });
    if (options.topic !== undefined && totals.partitions === 0) {
      throw new CommandFailure(`no topic ${options.topic} in ${data}`, exitCodes.usage);
    }
    if (json) printLine(formatJson({ kind: "totals", ...totals }));
    else {
      const { partitions, segments, batches, records, bytes, damaged } = totals;
      const log = `${batches} batches, ${records} records, ${bytes} bytes`;
      printLine(`${partitions} partitions, ${segments} segments, ${log}, ${damaged} damaged`);
    }
    if (totals.damaged > 0) throw new CommandFailure(`${data} is damaged`);
  } finally {
    await lock?.release();
  }
}
