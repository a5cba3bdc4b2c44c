import { XylemError } from "../base/errors.ts";
import type { Deadlines } from "./deadlines.ts";
import type { PartitionLog } from "./partition/partition-log.ts";
import type { Topic } from "./topics/topics.ts";

/** Deletes up to the committed end, whatever it is by then. */
export const deleteAllOffset = -1;

/** How long the other replicas may take. */
export interface DeletionWait {
  readonly deadlines: Deadlines;
  readonly timeoutMs: number;
}

/**
 * Moves the log start up to `offset`, durably and on every replica, and answers the log start. An
 * offset below it changes nothing. Throws POLICY_VIOLATION on topics that only compact, and
 * REQUEST_TIMED_OUT when a replica has not deleted them in time: it will.
 */
export async function deleteRecords(
  topic: Topic,
  partition: PartitionLog,
  offset: number,
  wait: DeletionWait,
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
  const logStart = await partition.deleteRecordsBefore(before);
  await whenDeleted(partition, logStart, wait);
  return logStart;
}

function whenDeleted(
  partition: PartitionLog,
  offset: number,
  { deadlines, timeoutMs }: DeletionWait,
): Promise<void> | undefined {
  if (partition.whenDeleted === undefined) return undefined;
  return new Promise((resolve, reject) => {
    const name = `${partition.topic}-${partition.index}`;
    const detail = `not every replica of ${name} has deleted them yet`;
    const expire = (): void => {
      cancel?.();
      reject(new XylemError("REQUEST_TIMED_OUT", detail));
    };
    const late = { expire };
    const slot = deadlines.add(late, timeoutMs);
    const cancel = partition.whenDeleted?.(offset, (error) => {
      deadlines.remove(late, slot);
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
