import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { Clock } from "../../base/clock.ts";
import type { Broker } from "../broker.ts";
import { findPartition } from "../records/find-partition.ts";
import { resolveOffset } from "../records/resolve-offset.ts";
import type { PartitionSight } from "../sight/partition-sight.ts";
import type { Topic } from "../topics/topics.ts";

export interface SeenPartition {
  readonly topic: Topic;
  readonly index: number;
  readonly sight: PartitionSight;
}

/** Partitions whose ends are asked for at a time. */
const askingMax = 32;
/** A replica is some milliseconds behind, or is none to wait for. */
const timeoutMs = 5_000;

/**
 * In a cluster: waits until this node sees all that was committed when it was called. Throws
 * OFFSET_NOT_AVAILABLE when that takes too long, and what `resolveOffset` throws.
 */
export async function catchUp(broker: Broker, seen: readonly SeenPartition[]): Promise<void> {
  if (broker.forwarding === undefined) return;
  const endMs = broker.clock.monotonicMs() + timeoutMs;
  await inParallel(seen, askingMax, async ({ topic, index, sight }) => {
    const log = findPartition(topic, index);
    // The head sees what is there.
    if (log.absence === undefined && log.knowsLatest !== false) return;
    const { lastStable } = await resolveOffset(broker, { topic, log }, "latest");
    await whenSeen(broker.clock, sight, { lastStable, endMs });
  });
}

function whenSeen(
  clock: Clock,
  sight: PartitionSight,
  { lastStable, endMs }: { readonly lastStable: number; readonly endMs: number },
): Promise<void> {
  const isSeen = (): boolean => (sight.bounds?.lastStable ?? -1) >= lastStable;
  if (isSeen()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const check = (): void => {
      if (!isSeen()) return;
      leave();
      cancel();
      resolve();
    };
    const leave = sight.onAdvance(check);
    const cancel = clock.schedule(Math.max(0, endMs - clock.monotonicMs()), () => {
      leave();
      const detail = `what is committed below ${lastStable} has not come here yet`;
      reject(new XylemError("OFFSET_NOT_AVAILABLE", detail));
    });
  });
}
