import { join } from "node:path";
import { parsePartitionName } from "../../broker/partition/partition-name.ts";
import { metadataTopic } from "../../broker/topics/topic-name.ts";
import { compareEnds, compareTopics } from "./verify-ends.ts";
import type { Finding, VerifyTotals } from "../../broker/scrub/finding.ts";
import { PartitionScrub, type ScrubbedPartition, type VerifyRun } from "./verify-partition.ts";
import { readRoot } from "./verify-root.ts";

export interface VerifyOptions {
  /** All topics when undefined. */
  readonly topic?: string | undefined;
  readonly report: (finding: Finding) => void;
  readonly signal: AbortSignal;
}

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
  const root = await readRoot(data, run);
  const scrubbed = new Map<string, ScrubbedPartition>();
  for (const name of root.folders.toSorted()) {
    const parsed = parsePartitionName(name);
    // Kafka's metadata log is Kafka's to recover; a node reads it and never writes there.
    if (parsed === undefined || parsed.topic === metadataTopic) continue;
    if (options.topic !== undefined && parsed.topic !== options.topic) continue;
    const what = {
      topic: parsed.topic,
      partition: parsed.index,
      folder: join(data, name),
      recoveryPoint: root.recoveryPoints.get(name) ?? 0,
      logStart: root.logStarts.get(name) ?? 0,
      isClean: root.isClean,
      isDense: root.topics?.get(parsed.topic)?.isDense === true && !root.cleaned.has(name),
    };
    scrubbed.set(name, await new PartitionScrub(what, run).run());
  }
  if (options.topic === undefined) compareEnds(root, scrubbed, run);
  compareTopics(root, scrubbed, run);
  return totals;
}
