import { XylemError } from "../base/errors.ts";
import type { PartitionLog } from "./partition/partition-log.ts";
import type { Topic } from "./topics/topics.ts";

/** Deletes up to the committed end, whatever it is by then. */
export const deleteAllOffset = -1;

/**
 * Moves the log start up to `offset`, durably, and answers the log start. An offset below it
 * changes nothing. Throws POLICY_VIOLATION on topics that only compact.
 */
export async function deleteRecords(
  topic: Topic,
  partition: PartitionLog,
  offset: number,
): Promise<number> {
  const policies = topic.settings["cleanup.policy"];
  if (policies.includes("compact") && !policies.includes("delete")) {
    throw new XylemError("POLICY_VIOLATION", `${topic.name} is compacted: records go by key only`);
  }
  await partition.load();
  const before = offset === deleteAllOffset ? partition.committed : offset;
  if (before < 0 || before > partition.committed) {
    throw new XylemError(
      "OFFSET_OUT_OF_RANGE",
      `offset ${offset} is not within ${partition.logStart} to ${partition.committed}`,
    );
  }
  return await partition.deleteRecordsBefore(before);
}
