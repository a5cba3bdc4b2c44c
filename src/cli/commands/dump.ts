import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { systemCode } from "../../storage/disk-error.ts";
import { jsonOption, parseCount } from "../arguments.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { DumpedBatch } from "../dump-segment.ts";
import { recordFormat } from "../record-format.ts";
import { formatJson, printLine } from "../terminal.ts";

interface DumpOptions {
  readonly deep?: boolean;
  readonly json?: boolean;
  readonly count?: number;
  readonly format: string;
}

/** `xylem dump`: what lies in segment and index files, of a running node or not. */
export function addDumpCommand(program: Command): void {
  program
    .command("dump")
    .argument("<file...>", "*.log, *.index or *.timeindex files")
    .description("print the batches of segment files and check index files against them")
    .option("--deep", "the records too")
    .option("-n, --count <count>", "end after that many batches of each file", parseCount)
    .addOption(
      new Option("--format <format>", "how records are printed").default(
        "  offset {offset} timestamp {timestamp} key {key} value {value} headers {headers}",
      ),
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Exits with 1 when a batch is damaged or an index does not agree with its segment, with 2 when a file
is not there.

Examples:
  $ xylem dump data/orders-0/00000000000000000000.log --deep
  $ xylem dump data/orders-0/*.index data/orders-0/*.timeindex`,
    )
    .action(dumpFiles);
}

async function dumpFiles(files: string[], options: DumpOptions): Promise<void> {
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) {
    throw new CommandFailure(`there is no file ${missing}`, exitCodes.usage);
  }
  let faults = 0;
  for (const file of files) {
    if (files.length > 1 && !options.json) printLine(`${file}:`);
    faults += await dumpFile(file, options);
  }
  if (faults > 0) {
    throw new CommandFailure(`${faults} ${faults === 1 ? "fault" : "faults"} found`);
  }
}

/** How many faults it has. */
async function dumpFile(file: string, options: DumpOptions): Promise<number> {
  try {
    if (file.endsWith(".log")) return await dumpSegment(file, options);
    if (/\.(time)?index$/.test(file)) return await checkIndex(file, options);
  } catch (error) {
    if (!(error instanceof Error) || systemCode(error) === undefined) throw error;
    throw new CommandFailure(`${file} can not be read: ${error.message}`, exitCodes.failed, error);
  }
  throw new CommandFailure(`${file} is no .log, .index or .timeindex file`);
}

async function dumpSegment(file: string, options: DumpOptions): Promise<number> {
  const { readSegment } = await import("../dump-segment.ts");
  const format = recordFormat(options.json ? "json" : options.format);
  let faults = 0;
  let left = options.count ?? Number.POSITIVE_INFINITY;
  for (const batch of readSegment(file, options.deep ?? false)) {
    if (batch.fault !== undefined) faults += 1;
    const { records, ...header } = batch;
    printLine(options.json ? formatJson({ file, ...header }) : formatBatch(batch));
    for (const record of records) printLine(format(record));
    left -= 1;
    if (left === 0) break;
  }
  return faults;
}

function formatBatch(batch: DumpedBatch): string {
  const flags = [
    batch.isTransactional ? "transactional" : "",
    batch.isControl ? "control" : "",
    batch.fault === undefined ? "" : `FAULT: ${batch.fault}`,
  ];
  const words = [
    `position ${batch.position}`,
    `size ${batch.sizeBytes}`,
    `offsets ${batch.baseOffset}..${batch.lastOffset}`,
    `records ${batch.recordCount}`,
    `epoch ${batch.leaderEpoch}`,
    `codec ${batch.codec}`,
    `${batch.timestampType} ${batch.maxTimestamp}`,
    `producer ${batch.producerId}/${batch.producerEpoch}/${batch.baseSequence}`,
    ...flags.filter((flag) => flag !== ""),
  ];
  return words.join("  ");
}

async function checkIndex(file: string, options: DumpOptions): Promise<number> {
  const { checkIndexFile } = await import("../verify/check-index.ts");
  const { entries, faults } = checkIndexFile(file);
  if (options.json) printLine(formatJson({ file, entries: entries.length, faults }));
  else {
    for (const entry of options.deep ? entries : []) printLine(`  ${entry}`);
    printLine(`${entries.length} entries, ${faults.length} faults`);
    for (const fault of faults) printLine(`FAULT: ${fault}`);
  }
  return faults.length;
}
