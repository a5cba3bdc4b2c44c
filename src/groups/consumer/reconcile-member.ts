import type { Instant } from "../classic/classic-events.ts";
import type { Assignment } from "./consumer-events.ts";
import type { ConsumerMember } from "./consumer-member.ts";
import type { ConsumerState } from "./consumer-state.ts";
import {
  copyHeld,
  holdsAny,
  isNothing,
  isSameHeld,
  nothingHeld,
  put,
  splitHeld,
  type HeldPartitions,
} from "./held-partitions.ts";

/**
 * Brings a member nearer to its target. First it gives up what is not in it: until it says so it
 * keeps its epoch. Then it takes the target's epoch and what nobody holds any more of the target;
 * the rest follows with later heartbeats, as others give it up. `owned` is what the member says
 * that it holds; null: it does not say.
 */
export function reconcileMember(
  state: ConsumerState,
  member: ConsumerMember,
  { owned, now }: { readonly owned: Assignment | null; readonly now: Instant },
): void {
  const mayHold = (held: HeldPartitions): boolean =>
    !isNothing(held) && (owned === null || holdsAny(held, owned));
  if (member.phase === "unrevoked" && mayHold(member.pendingRevocation)) return;
  if (member.phase === "stable" && member.epoch === state.targetEpoch) return;
  const target = targetSets(state.targetOf(member.id));
  const isTarget = (topicId: string, partition: number): boolean =>
    target.get(topicId)?.has(partition) === true;
  const { kept, dropped } = splitHeld(member.assigned, isTarget);
  if (mayHold(dropped)) revoke(state, member, { kept, dropped, now });
  else advance(state, member, { kept, target });
}

function revoke(
  state: ConsumerState,
  member: ConsumerMember,
  { kept, dropped, now }: { kept: HeldPartitions; dropped: HeldPartitions; now: Instant },
): void {
  state.setHeld(member, { assigned: kept, pendingRevocation: dropped });
  member.phase = "unrevoked";
  member.revocationDeadlineMs = now.monotonicMs + member.terms.rebalanceTimeoutMs;
  state.wakeBy(member.revocationDeadlineMs);
}

function advance(
  state: ConsumerState,
  member: ConsumerMember,
  { kept, target }: { kept: HeldPartitions; target: ReadonlyMap<string, ReadonlySet<number>> },
): void {
  const epoch = state.targetEpoch;
  const assigned = copyHeld(kept);
  let phase: ConsumerMember["phase"] = "stable";
  for (const [topicId, partitions] of target) {
    for (const partition of partitions) {
      if (kept.get(topicId)?.has(partition) === true) continue;
      const owner = state.ownerOf(topicId, partition);
      if (owner === undefined || owner === member.id) put(assigned, { topicId, partition, epoch });
      else phase = "unreleased";
    }
  }
  const isSame = isSameHeld(member.assigned, assigned);
  const isAllSame = isSame && isNothing(member.pendingRevocation);
  if (isAllSame && member.phase === phase && member.epoch === epoch) return;
  if (member.epoch !== epoch) member.previousEpoch = Math.max(member.epoch, 0);
  member.epoch = epoch;
  member.phase = phase;
  member.revocationDeadlineMs = Infinity;
  // The same object says that there is nothing new to tell.
  const held = isSame ? member.assigned : assigned;
  state.setHeld(member, { assigned: held, pendingRevocation: nothingHeld });
}

function targetSets(target: Assignment): ReadonlyMap<string, ReadonlySet<number>> {
  return new Map([...target].map(([topicId, partitions]) => [topicId, new Set(partitions)]));
}
