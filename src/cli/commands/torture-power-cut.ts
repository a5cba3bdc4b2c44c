import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { jsonOption } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { formatJson, printLine } from "../terminal.ts";

interface PowerCutOptions {
  readonly data: string;
  readonly ledger: string;
}

interface CheckOptions extends PowerCutOptions {
  readonly json?: boolean;
}

/** `xylem torture write` and `check`: before and after the power is cut by hand. */
export function addPowerCutCommands(torture: Command): void {
  torture
    .command("write")
    .description("load a broker until the power is cut, and tell elsewhere what it acknowledged")
    .requiredOption("--data <directory>", "a directory of its own on the disk to be tried")
    .requiredOption("--ledger <file>", 'a new file on another disk, or "-": standard output')
    .addHelpText(
      "after",
      `
Starts a broker on the directory and writes a line to the ledger for each record that it has
acknowledged, until it is stopped: by a cut of the power, by SIGINT or SIGTERM.

Examples:
  $ ssh host xylem torture write --data /var/lib/tried --ledger - > ledger`,
    )
    .action(write);
  torture
    .command("check")
    .description("check that what a ledger of `torture write` tells is still there")
    .requiredOption("--data <directory>", "the directory that was written to")
    .requiredOption("--ledger <file>", "the ledger; its last line may be cut short")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Starts a broker on the directory and checks that each acknowledged record is there once, whole, at
its offset. Exits with 0 when nothing was lost, 1 when something was.

Examples:
  $ xylem torture check --data /var/lib/tried --ledger ledger`,
    )
    .action(check);
}

/** Standard output may be the ledger: what is told goes to stderr. */
async function write({ data, ledger }: PowerCutOptions): Promise<void> {
  const { BrokerChild } = await import("../torture/broker-child.ts");
  const { LedgerWriter } = await import("../torture/ledger-file.ts");
  const { loadUntilGone, makeTopic } = await import("../torture/torture-load.ts");
  if (existsSync(join(data, "meta.properties"))) {
    throw new CommandFailure(`${data} has been used: take a new directory`, exitCodes.usage);
  }
  const notes = await LedgerWriter.open(ledger);
  const broker = await BrokerChild.start(process.argv[1] ?? "", data);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  try {
    await makeTopic(broker.bootstrap);
    process.stderr.write(`writing to ${data}: cut the power when you like\n`);
    await loadUntilGone(broker.bootstrap, notes, stop.signal);
  } finally {
    await broker.kill();
    await notes.close();
  }
  if (!stop.signal.aborted) throw new CommandFailure("the broker, or the ledger, is gone");
  process.stderr.write(`${notes.count} records acknowledged\n`);
}

async function check({ data, ledger, json }: CheckOptions): Promise<void> {
  const { BrokerChild } = await import("../torture/broker-child.ts");
  const { readLedger } = await import("../torture/ledger-file.ts");
  const { findViolations } = await import("../torture/torture-load.ts");
  const told = await readLedger(ledger);
  if (!existsSync(join(data, "meta.properties"))) {
    throw new CommandFailure(`${data} is no data directory`, exitCodes.usage);
  }
  const broker = await BrokerChild.start(process.argv[1] ?? "", data);
  try {
    const violations = await findViolations(broker.bootstrap, told);
    const startMs = Math.round(broker.startMs);
    if (json) printLine(formatJson({ acknowledged: told.count, startMs, violations }));
    else for (const violation of violations) printLine(`LOST ${violation}`);
    if (violations.length > 0) throw new CommandFailure("what was acknowledged was lost");
    if (!json) printLine(`${told.count} records acknowledged, none lost`);
  } finally {
    await broker.kill("SIGTERM");
  }
}
