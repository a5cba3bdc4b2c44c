import type { PartitionLog } from "../partition/partition-log.ts";
import type { CutOf } from "../ports/partition-storage.ts";
import type { Topic, Topics } from "../topics/topics.ts";

/**
 * Where a fork leaves the log of its source, of each partition by itself. `latest`: with all that
 * is stable; an offset: with the records below it, as far as whole batches go; a time: with those
 * before the first record that is not older.
 */
export type ForkPoint =
  | { readonly kind: "latest" }
  | { readonly kind: "offset"; readonly offset: number }
  | { readonly kind: "time"; readonly timestampMs: number };

export interface Fork {
  readonly source: string;
  readonly name: string;
  readonly at: ForkPoint;
}

/**
 * Makes a topic of its own out of another one's past: records, producers, epochs and configs are
 * those of the source, closed segments are shared on the disk, and each goes its own way
 * afterwards. Throws as `Topics.fork`.
 */
export async function forkTopic(topics: Topics, { source, name, at }: Fork): Promise<Topic> {
  return await topics.fork(source, name, { cutOf: cutAt(at), finish: abortOpenTransactions });
}

/** What was open at the cut never ends in the fork by itself: no coordinator knows of it. */
async function abortOpenTransactions(partition: PartitionLog): Promise<void> {
  await partition.load("files");
  const open = [...partition.producers()].filter((each) => each.currentTxnFirstOffset >= 0);
  for (const { producerId, epoch, coordinatorEpoch } of open) {
    const owner = { producerId, producerEpoch: epoch };
    const by = { coordinatorEpoch: Math.max(0, coordinatorEpoch), transactionVersion: 1 };
    const { lastOffset } = partition.endTransaction({ type: "abort", ...owner, ...by });
    await new Promise<void>((resolve, reject) => {
      partition.whenCommitted(lastOffset + 1, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }
}

function cutAt(at: ForkPoint): CutOf {
  if (at.kind === "latest") return ({ lastStable }) => lastStable;
  if (at.kind === "offset") {
    return ({ logStart, lastStable }) => Math.min(lastStable, Math.max(at.offset, logStart));
  }
  return async (partition) => {
    const { lastStable } = partition;
    const found = await partition.findByTimestamp(at.timestampMs, lastStable);
    return found?.offset ?? lastStable;
  };
}
