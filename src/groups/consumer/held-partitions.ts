import type { PartitionEpochs } from "../group-record.ts";
import type { Assignment } from "./consumer-events.ts";

/** Partitions that a member holds, each with the epoch in which it got it. */
export type HeldPartitions = PartitionEpochs;

export const nothingHeld: HeldPartitions = new Map();

export function isNothing(held: ReadonlyMap<string, unknown>): boolean {
  return held.size === 0;
}

export function toAssignment(held: HeldPartitions): Assignment {
  const assignment = new Map<string, readonly number[]>();
  for (const [topicId, partitions] of held) {
    assignment.set(
      topicId,
      [...partitions.keys()].toSorted((one, other) => one - other),
    );
  }
  return assignment;
}

/** Whether each partition of `some` is among `held`. */
export function holdsAll(held: HeldPartitions, some: Assignment): boolean {
  for (const [topicId, partitions] of some) {
    const own = held.get(topicId);
    if (partitions.some((partition) => own?.has(partition) !== true)) return false;
  }
  return true;
}

export function holdsAny(held: HeldPartitions, some: Assignment): boolean {
  for (const [topicId, partitions] of some) {
    const own = held.get(topicId);
    if (partitions.some((partition) => own?.has(partition) === true)) return true;
  }
  return false;
}

/** Those that `keep` lets stay, and the others. */
export function splitHeld(
  held: HeldPartitions,
  keep: (topicId: string, partition: number) => boolean,
): { readonly kept: HeldPartitions; readonly dropped: HeldPartitions } {
  const kept = new Map<string, Map<number, number>>();
  const dropped = new Map<string, Map<number, number>>();
  for (const [topicId, partitions] of held) {
    for (const [partition, epoch] of partitions) {
      put(keep(topicId, partition) ? kept : dropped, { topicId, partition, epoch });
    }
  }
  return { kept, dropped };
}

export function isSameHeld(one: HeldPartitions, other: HeldPartitions): boolean {
  if (one.size !== other.size) return false;
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId);
    if (others?.size !== partitions.size) return false;
    for (const [partition, epoch] of partitions) {
      if (others.get(partition) !== epoch) return false;
    }
  }
  return true;
}

export function put(
  held: Map<string, Map<number, number>>,
  { topicId, partition, epoch }: { topicId: string; partition: number; epoch: number },
): void {
  const partitions = held.get(topicId);
  if (partitions === undefined) held.set(topicId, new Map([[partition, epoch]]));
  else partitions.set(partition, epoch);
}

/** A copy that may be added to. */
export function copyHeld(held: HeldPartitions): Map<string, Map<number, number>> {
  return new Map([...held].map(([topicId, partitions]) => [topicId, new Map(partitions)]));
}
