import type { Command } from "commander";
import type { Finding, VerifyTotals } from "../../broker/scrub/finding.ts";
import type { ScrubReport } from "../../broker/scrub/scrubbing.ts";
import { jsonOption } from "../arguments.ts";
import { askNode } from "../ask-node.ts";
import { callNode } from "../call-node.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { holdStopped } from "../hold-stopped.ts";
import { formatJson, printLine } from "../terminal.ts";
import type { Repair } from "../verify/repairs.ts";
import { formatFinding } from "../verify/verify-finding.ts";

interface VerifyCommandOptions {
  readonly data: string;
  readonly topic?: string;
  readonly json?: boolean;
  readonly repair?: string[];
}

/** As many are kept for repairs; a directory with more is repaired in several runs. */
const findingsMax = 10_000;

/** `xylem verify`: scrubs a data directory, or has the node that uses it do so. */
export function addVerifyCommand(program: Command): void {
  program
    .command("verify")
    .description("check every batch in a data directory, and the indexes of a stopped node")
    .option("--data <directory>", "the data directory", "./data")
    .option("-t, --topic <name>", "only this topic")
    .option("--repair <words...>", "repair what these words say, of those that a run names")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Reads lengths, checksums and offsets of every batch, holds the indexes against them, and reads
checkpoints and snapshots. Changes nothing without --repair. Each damage is a line: topic
and partition, file, position, and the first and last offset that is lost; "note" is no
damage. With --json each finding is an object on its own line, the totals are the last one.

A node that uses the directory checks its own batches while it serves, no faster than its setting
log.scrub.io.max.bytes.per.second; indexes and checkpoints it leaves to a run when it is stopped.

Exits with 0 when all is well, 1 when something is damaged, 4 when --repair meets a running node.

--repair takes the words that a run without it names, each in quotes. Skipped offsets read as a
gap: their records are given up. Stray bytes hold no batch, and no offset is missing for them. The
segment is written anew; the old one stays: "….log.damaged".

Examples:
  $ xylem verify --data /var/lib/xylem
  $ xylem verify --data /var/lib/xylem --repair "skip damaged offsets 17-19 of orders-0"
  $ xylem verify --topic orders --json`,
    )
    .action(verify);
}

async function verify(options: VerifyCommandOptions): Promise<void> {
  const { data } = options;
  const isRunning = options.repair === undefined && (await askNode(data, "ping")) !== undefined;
  if (isRunning) return await verifyLive(options);
  const stop = new AbortController();
  const lock = await holdStopped(data, () => stop.abort(new CommandFailure("stopped")));
  try {
    const found = await scrub(options, stop.signal);
    const { planRepairs } = await import("../verify/repairs.ts");
    const repairs = planRepairs(data, found.findings);
    if (options.repair !== undefined) {
      await repair(repairs, options.repair);
      const after = await scrub(options, stop.signal);
      if (after.damaged > 0) throw new CommandFailure(`${data} is still damaged`);
      return;
    }
    if (!options.json) tellRepairs(repairs);
    if (found.damaged > 0) throw new CommandFailure(`${data} is damaged`);
  } finally {
    await lock?.release();
  }
}

/** What is told meanwhile goes to stderr: the findings may be piped. */
async function verifyLive({ data, topic, json }: VerifyCommandOptions): Promise<void> {
  process.stderr.write(`a node uses ${data}: it checks every batch while it serves\n`);
  const tell = (state: unknown): void => {
    process.stderr.write(`${formatTotals(state as VerifyTotals)}\n`);
  };
  const argument = topic === undefined ? {} : { topic };
  const { findings, totals } = await callNode<ScrubReport>({ data }, "verify", argument, tell);
  for (const finding of findings) printLine(json ? formatJson(finding) : formatFinding(finding));
  printLine(json ? formatJson({ kind: "totals", ...totals }) : formatTotals(totals));
  if (totals.damaged > 0) throw new CommandFailure(`${data} is damaged`);
}

function formatTotals(totals: VerifyTotals): string {
  const { partitions, segments, batches, records, bytes, damaged } = totals;
  const log = `${batches} batches, ${records} records, ${bytes} bytes`;
  return `${partitions} partitions, ${segments} segments, ${log}, ${damaged} damaged`;
}

async function scrub(
  { data, topic, json }: VerifyCommandOptions,
  signal: AbortSignal,
): Promise<{ readonly damaged: number; readonly findings: readonly Finding[] }> {
  const { verifyData } = await import("../verify/verify-data.ts");
  const findings: Finding[] = [];
  const report = (finding: Finding): void => {
    if (findings.length < findingsMax) findings.push(finding);
    printLine(json ? formatJson(finding) : formatFinding(finding));
  };
  const totals = await verifyData(data, { topic, signal, report });
  if (topic !== undefined && totals.partitions === 0) {
    throw new CommandFailure(`no topic ${topic} in ${data}`, exitCodes.usage);
  }
  printLine(json ? formatJson({ kind: "totals", ...totals }) : formatTotals(totals));
  return { damaged: totals.damaged, findings };
}

/** All or nothing is understood: a word that is not one of them changes nothing. */
async function repair(repairs: readonly Repair[], asked: readonly string[]): Promise<void> {
  const chosen = asked.map((words) => {
    const found = repairs.find((each) => each.words === words);
    if (found !== undefined) return found;
    const known = repairs.map((each) => `\n  "${each.words}"`).join("");
    const why = known === "" ? "; nothing here can be repaired" : `; there are:${known}`;
    throw new CommandFailure(`there is no repair "${words}"${why}`, exitCodes.usage);
  });
  for (const { words, run } of chosen) {
    await run();
    printLine(`done: ${words}`);
  }
}

function tellRepairs(repairs: readonly Repair[]): void {
  if (repairs.length === 0) return;
  printLine("\nWhat can be repaired, each by its exact words (see --help):");
  for (const { words } of repairs) printLine(`  --repair "${words}"`);
}
