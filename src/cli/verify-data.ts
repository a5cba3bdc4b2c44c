import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MalformedError } from "../base/errors.ts";
import { decodeUtf8 } from "../base/text.ts";
import { parsePartitionName } from "../broker/partition/partition-name.ts";
import { parseMetaProperties } from "../log/meta-properties.ts";
import { type OffsetsByPartition, parseOffsetCheckpoint } from "../log/text-checkpoint.ts";
import { systemCode } from "../storage/disk-error.ts";
import { PartitionScrub, type VerifyRun } from "./verify-partition.ts";
import type { Finding, VerifyTotals } from "./verify-finding.ts";

export interface VerifyOptions {
  /** All topics when undefined. */
  readonly topic?: string | undefined;
  readonly report: (finding: Finding) => void;
  readonly signal: AbortSignal;
}

const cleanMarkerName = ".kafka_cleanshutdown";
const recoveryPointsName = "recovery-point-offset-checkpoint";
const logStartsName = "log-start-offset-checkpoint";
const committedName = "replication-offset-checkpoint";

/**
 * Reads all of a data directory that nobody uses, changes nothing, and reports what is damaged.
 * Memory does not grow with the segments: one chunk, one batch and two indexes are held.
 */
export async function verifyData(data: string, options: VerifyOptions): Promise<VerifyTotals> {
  const totals = { partitions: 0, segments: 0, batches: 0, records: 0, bytes: 0, damaged: 0 };
  const report = (finding: Finding): void => {
    if (finding.kind === "damage") totals.damaged += 1;
    options.report(finding);
  };
  const run: VerifyRun = { totals, report, signal: options.signal };
  const entries = await readdir(data, { withFileTypes: true });
  const isClean = entries.some(({ name }) => name === cleanMarkerName);
  const found = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
  const read = (name: string) => readCheckpoint(data, name, { found, run });
  const recoveryPoints = await read(recoveryPointsName);
  const logStarts = await read(logStartsName);
  await read(committedName);
  await checkMeta(data, { found, run });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  for (const name of folders.toSorted()) {
    const parsed = parsePartitionName(name);
    if (parsed === undefined) continue;
    if (options.topic !== undefined && parsed.topic !== options.topic) continue;
    const what = {
      topic: parsed.topic,
      partition: parsed.index,
      folder: join(data, name),
      recoveryPoint: recoveryPoints.get(name) ?? 0,
      logStart: logStarts.get(name) ?? 0,
      isClean,
    };
    await new PartitionScrub(what, run).run();
  }
  return totals;
}

interface Root {
  readonly found: ReadonlySet<string>;
  readonly run: VerifyRun;
}

async function readCheckpoint(data: string, name: string, root: Root): Promise<OffsetsByPartition> {
  let offsets: OffsetsByPartition = new Map();
  await readRootFile(data, name, root, (text) => {
    offsets = parseOffsetCheckpoint(text);
  });
  return offsets;
}

async function checkMeta(data: string, root: Root): Promise<void> {
  await readRootFile(data, "meta.properties", root, parseMetaProperties);
}

async function readRootFile(
  data: string,
  name: string,
  { found, run }: Root,
  parse: (text: string) => unknown,
): Promise<void> {
  if (!found.has(name)) return;
  try {
    parse(decodeUtf8(await readFile(join(data, name))));
  } catch (error) {
    const isRead = systemCode(error) !== undefined || error instanceof MalformedError;
    if (!isRead || !(error instanceof Error)) throw error;
    run.report({ kind: "damage", file: name, why: `it can not be read: ${error.message}` });
  }
}
