import type { StoredCurrent, StoredTerms } from "../group-record.ts";
import { nothingHeld, type HeldPartitions } from "./held-partitions.ts";

/** What a member has told of itself; topics are sorted and without repetition. */
export type MemberTerms = StoredTerms;

/** One member of a consumer group. */
export class ConsumerMember {
  readonly id: string;
  terms: MemberTerms;
  /** -2: a static member that has left for a while. */
  epoch = 0;
  previousEpoch = 0;
  phase: StoredCurrent["phase"] = "stable";
  /** What it may work on. */
  assigned: HeldPartitions = nothingHeld;
  /** What it has been told to give up and may still hold. */
  pendingRevocation: HeldPartitions = nothingHeld;
  /** Monotonic, as the next. */
  sessionDeadlineMs = Infinity;
  /** By then it has given up what it must; Infinity: there is nothing. */
  revocationDeadlineMs = Infinity;

  constructor(id: string, terms: MemberTerms) {
    this.id = id;
    this.terms = terms;
  }

  get isStatic(): boolean {
    return this.terms.instanceId !== null;
  }
}
