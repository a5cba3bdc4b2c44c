import { formatPartitionName, parsePartitionName } from "../../broker/partition/partition-name.ts";
import { isZeroUuid } from "../../base/uuid.ts";
import {
  coordinatorName,
  logStartsName,
  recoveryPointsName,
  type VerifyRoot,
} from "./verify-root.ts";
import type { ScrubbedPartition, VerifyRun } from "./verify-partition.ts";

/**
 * Holds what the directory's own files say of partitions against their folders. After a stop that
 * was not clean the checkpoints may lag behind: then only what is missing is told.
 */
export function compareEnds(
  root: VerifyRoot,
  scrubbed: ReadonlyMap<string, ScrubbedPartition>,
  { report }: Pick<VerifyRun, "report">,
): void {
  for (const [name, offset] of root.recoveryPoints) {
    if (scrubbed.has(name) || offset === 0 || parsePartitionName(name) === undefined) continue;
    const first = root.logStarts.get(name) ?? 0;
    const why = `${name} reached ${offset} and has no folder`;
    const lost = { firstLostOffset: first, lastLostOffset: offset - 1 };
    const isLost = root.isClean && offset > first;
    report({
      kind: root.isClean ? "damage" : "note",
      file: recoveryPointsName,
      why,
      ...(isLost && lost),
    });
  }
  if (!root.isClean || root.topics === undefined) return;
  for (const name of root.logStarts.keys()) {
    if (scrubbed.has(name)) continue;
    report({ kind: "damage", file: logStartsName, why: `it names ${name}, which has no folder` });
  }
  for (const [name, partition] of scrubbed) comparePartition(name, partition, root, report);
}

/** Only of a directory that Xylem stopped in order, which says all it knows. */
function comparePartition(
  name: string,
  partition: ScrubbedPartition,
  root: VerifyRoot,
  report: VerifyRun["report"],
): void {
  const { end } = partition;
  const noted = root.recoveryPoints.get(name);
  if (end !== undefined && end > 0 && (noted ?? 0) < end) {
    const why = noted === undefined ? `it does not name ${name}` : `it has ${noted} for ${name}`;
    report({ kind: "damage", file: recoveryPointsName, why: `${why}, whose log ends at ${end}` });
  }
  compareLogStart(name, partition, root, report);
}

function compareLogStart(
  name: string,
  { end, firstBase, firstEnd }: ScrubbedPartition,
  { logStarts, areLogStartsSummed }: VerifyRoot,
  report: VerifyRun["report"],
): void {
  const start = logStarts.get(name);
  if (start === undefined || firstBase === undefined || end === undefined) return;
  // Where all records went, an empty segment begins at the log start.
  if (start === firstBase && firstEnd <= firstBase) return;
  if (start > firstBase && start <= firstEnd && start <= end) return;
  const held = `${firstBase}..${firstEnd - 1}`;
  const why = `it has ${start} for ${name}, whose first segment holds ${held}`;
  // A node died, or failed, before it removed what lies below, and was stopped soon after.
  const isLate = areLogStartsSummed && start > firstEnd && start <= end;
  const next = isLate ? ": the next check of retention removes it" : "";
  report({ kind: isLate ? "note" : "damage", file: logStartsName, why: `${why}${next}` });
}

/** Topics whose partitions have other ids, or more folders than the topic has partitions. */
export function compareTopics(
  root: VerifyRoot,
  scrubbed: ReadonlyMap<string, ScrubbedPartition>,
  { report }: Pick<VerifyRun, "report">,
): void {
  for (const [topic, entry] of root.topics ?? []) {
    for (let index = 0; index < entry.partitions; index += 1) {
      const found = scrubbed.get(formatPartitionName(topic, index));
      if (found?.topicId === undefined || isZeroUuid(entry.id)) continue;
      if (found.topicId.every((byte, at) => byte === entry.id[at])) continue;
      const why = `it has another topic id than ${coordinatorName}: a start puts the folder aside`;
      report({ kind: "damage", topic, partition: index, file: "partition.metadata", why });
    }
  }
}
