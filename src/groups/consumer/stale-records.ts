import type { ConsumerGroupRecord } from "../group-record.ts";
import type { ConsumerMember } from "./consumer-member.ts";
import type { ConsumerState } from "./consumer-state.ts";

/** One record of a group, by what it tells of. */
type StoredPart =
  | { readonly kind: "group" }
  | { readonly kind: "target" }
  | { readonly kind: "member" | "targetMember" | "current"; readonly memberId: string };

/** Who reads the log meets members before what is said of them. */
const order: readonly StoredPart["kind"][] = [
  "member",
  "group",
  "targetMember",
  "target",
  "current",
];

/** The parts of a group whose stored record is not what the group is. */
export class StaleRecords {
  readonly #state: ConsumerState;
  #parts = new Map<string, StoredPart>();
  #writing = new Map<string, StoredPart>();

  constructor(state: ConsumerState) {
    this.#state = state;
  }

  get isEmpty(): boolean {
    return this.#parts.size === 0;
  }

  add(part: StoredPart): void {
    this.#parts.set("memberId" in part ? `${part.kind}/${part.memberId}` : part.kind, part);
  }

  /** All that is stored of one member. */
  addMember(memberId: string): void {
    for (const kind of ["member", "targetMember", "current"] as const) this.add({ kind, memberId });
  }

  /** Everything that is stored of the group. */
  addAll(): void {
    this.add({ kind: "group" });
    this.add({ kind: "target" });
    for (const memberId of this.#state.members.keys()) this.addMember(memberId);
  }

  /**
   * Records of the group as it is, without changing what is stale: also of members that are gone,
   * while the log may not know it.
   */
  all(): ConsumerGroupRecord[] {
    const all = new StaleRecords(this.#state);
    all.#parts = new Map([...this.#writing, ...this.#parts]);
    all.addAll();
    return all.take();
  }

  /** The group's own state was just read from the log. */
  clear(): void {
    this.#parts.clear();
  }

  /** The records to write now; `settle` tells how that went. */
  take(): ConsumerGroupRecord[] {
    this.#writing = this.#parts;
    this.#parts = new Map();
    return [...this.#writing.values()]
      .toSorted((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind))
      .map((part) => recordOf(this.#state, part));
  }

  settle(isStored: boolean): void {
    if (!isStored) this.#parts = new Map([...this.#writing, ...this.#parts]);
    this.#writing = new Map();
  }
}

function recordOf(state: ConsumerState, part: StoredPart): ConsumerGroupRecord {
  const { group } = state;
  if (part.kind === "group") {
    const value = { epoch: state.epoch, metadataHash: state.metadataHash };
    return { kind: "consumerGroup", group, value };
  }
  if (part.kind === "target") {
    const value = { epoch: state.targetEpoch, timestampMs: state.targetTimestampMs };
    return { kind: "consumerTarget", group, value };
  }
  const { memberId } = part;
  const member = state.members.get(memberId);
  if (part.kind === "member") {
    return { kind: "consumerMember", group, memberId, value: member?.terms ?? null };
  }
  if (part.kind === "current") {
    const value = member === undefined ? null : currentOf(member);
    return { kind: "consumerCurrent", group, memberId, value };
  }
  const value = state.targets.get(memberId) ?? null;
  return { kind: "consumerTargetMember", group, memberId, value };
}

function currentOf({ epoch, previousEpoch, phase, assigned, pendingRevocation }: ConsumerMember) {
  return { epoch, previousEpoch, phase, assigned, pendingRevocation };
}
