import type {
  ConsumerGroupRecord,
  StoredCurrent,
  StoredEpoch,
  StoredTarget,
  StoredTerms,
} from "../group-record.ts";
import type { Assignment } from "./consumer-events.ts";
import { ConsumerMember } from "./consumer-member.ts";
import type { ConsumerState } from "./consumer-state.ts";
import { splitHeld } from "./held-partitions.ts";

interface MemberImage {
  terms?: StoredTerms;
  target?: Assignment;
  current?: StoredCurrent;
}

/** A consumer group as its records, read in order, make it. */
export class ConsumerImage {
  #epoch: StoredEpoch | null = null;
  #target: StoredTarget | null = null;
  readonly #members = new Map<string, MemberImage>();

  /** Nothing is left of the group. */
  get isGone(): boolean {
    return this.#epoch === null && this.#members.size === 0;
  }

  apply(record: ConsumerGroupRecord): void {
    if (record.kind === "consumerGroup") this.#epoch = record.value;
    else if (record.kind === "consumerTarget") this.#target = record.value;
    else this.#applyToMember(record);
  }

  /**
   * Fills a state that is empty. What contradicts itself, because a record was damaged, is made
   * whole: of two owners the first stays, and epochs rise to the highest that is known.
   */
  restore(state: ConsumerState): void {
    state.epoch = this.#epoch?.epoch ?? 0;
    state.metadataHash = this.#epoch?.metadataHash ?? 0;
    state.targetEpoch = this.#target?.epoch ?? 0;
    state.targetTimestampMs = this.#target?.timestampMs ?? 0;
    for (const [memberId, { terms, target, current }] of this.#members) {
      // Who is not known comes back by joining again.
      if (terms === undefined) continue;
      const member = new ConsumerMember(memberId, terms);
      if (current !== undefined) restoreCurrent(state, member, current);
      state.add(member);
      if (target !== undefined) state.setTarget(memberId, target);
      state.targetEpoch = Math.max(state.targetEpoch, member.epoch);
    }
    state.epoch = Math.max(state.epoch, state.targetEpoch);
    state.stale.clear();
  }

  #applyToMember(record: Extract<ConsumerGroupRecord, { memberId: string }>): void {
    const member = this.#members.get(record.memberId) ?? {};
    if (record.kind === "consumerMember") set(member, "terms", record.value);
    else if (record.kind === "consumerTargetMember") set(member, "target", record.value);
    else set(member, "current", record.value);
    const isGone = Object.keys(member).length === 0;
    if (isGone) this.#members.delete(record.memberId);
    else this.#members.set(record.memberId, member);
  }
}

function set<K extends keyof MemberImage>(
  member: MemberImage,
  field: K,
  value: Required<MemberImage>[K] | null,
): void {
  if (value === null) delete member[field];
  else member[field] = value;
}

function restoreCurrent(
  state: ConsumerState,
  member: ConsumerMember,
  { epoch, previousEpoch, phase, assigned, pendingRevocation }: StoredCurrent,
): void {
  const isFree = (topicId: string, partition: number): boolean =>
    state.ownerOf(topicId, partition) === undefined;
  const own = splitHeld(assigned, isFree).kept;
  const isOther = (topicId: string, partition: number): boolean =>
    isFree(topicId, partition) && own.get(topicId)?.has(partition) !== true;
  member.epoch = epoch;
  member.previousEpoch = previousEpoch;
  member.phase = phase;
  member.assigned = own;
  member.pendingRevocation = splitHeld(pendingRevocation, isOther).kept;
}
