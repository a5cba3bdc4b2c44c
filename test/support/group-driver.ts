import { expect } from "vitest";
import type { ErrorCode } from "../../src/base/errors.ts";
import type {
  CallId,
  ClassicEffect,
  ClassicEvent,
  ClassicLimits,
  Instant,
  JoinAnswer,
  JoinRequest,
  LeaveAnswer,
  LeavingMember,
  SyncAnswer,
  SyncRequest,
} from "../../src/groups/classic/classic-events.ts";
import { ClassicGroup } from "../../src/groups/classic/classic-group.ts";
import type { ClassicGroupImage } from "../../src/groups/group-record.ts";

export const wallStartMs = 1_700_000_000_000;

const defaultLimits: ClassicLimits = {
  membersMax: 1_000,
  pendingMembersMax: 1_000,
  initialRebalanceDelayMs: 0,
  newMemberJoinTimeoutMs: 300_000,
};

type Answer = Exclude<ClassicEffect, { kind: "write" }>;

/** A classic group with a clock, its waiting calls and a log that writes at once, or on demand. */
export class GroupDriver {
  group: ClassicGroup;
  elapsedMs = 0;
  /** False: writes wait for `finishWrites`. */
  writesAtOnce = true;
  readonly images: ClassicGroupImage[] = [];
  readonly #answers = new Map<CallId, Answer>();
  #unwritten: number[] = [];
  #calls = 0;
  #ids = 0;

  constructor(limits: Partial<ClassicLimits> = {}, image?: ClassicGroupImage) {
    const all = { ...defaultLimits, ...limits };
    this.group =
      image === undefined ? new ClassicGroup(all, wallStartMs) : ClassicGroup.fromImage(image, all);
    if (image !== undefined) this.#perform(this.group.startSessions(this.now));
  }

  get now(): Instant {
    return { wallMs: wallStartMs + this.elapsedMs, monotonicMs: this.elapsedMs };
  }

  /** Starts a JoinGroup. By default of a version that takes new members at once. */
  join(request: Partial<JoinRequest> = {}): CallId {
    const call = ++this.#calls;
    const asked = { ...plainJoin, uuid: `uuid-${++this.#ids}`, ...request };
    this.step({ kind: "join", call, request: asked });
    return call;
  }

  sync(request: Partial<SyncRequest>): CallId {
    const call = ++this.#calls;
    const plain = { instanceId: null, protocolType: null, protocolName: null, assignments: [] };
    const asked = { memberId: "", generation: 1, ...plain, ...request };
    this.step({ kind: "sync", call, request: asked });
    return call;
  }

  heartbeat(
    memberId: string,
    generation: number,
    instanceId: string | null = null,
  ): ErrorCode | null {
    const call = ++this.#calls;
    const request = { memberId, generation, instanceId };
    this.step({ kind: "heartbeat", call, request });
    const answer = this.#answers.get(call);
    expect(answer?.kind).toBe("answerHeartbeat");
    return answer?.kind === "answerHeartbeat" ? answer.error : null;
  }

  leaveCall(...members: LeavingMember[]): CallId {
    const call = ++this.#calls;
    this.step({ kind: "leave", call, members });
    return call;
  }

  leave(...members: LeavingMember[]): LeaveAnswer {
    const call = this.leaveCall(...members);
    const answer = this.#answers.get(call);
    if (answer?.kind !== "answerLeave") throw new Error("LeaveGroup is not answered");
    return answer.answer;
  }

  /** Lets time pass, in steps as the machine asks for them. */
  advance(durationMs: number): void {
    const untilMs = this.elapsedMs + durationMs;
    while (this.group.wakeAtMs <= untilMs) {
      this.elapsedMs = Math.max(this.elapsedMs, this.group.wakeAtMs);
      this.step({ kind: "tick" });
    }
    this.elapsedMs = untilMs;
  }

  finishWrites(error: ErrorCode | null = null): void {
    const writes = this.#unwritten;
    this.#unwritten = [];
    for (const write of writes) this.step({ kind: "written", write, error });
  }

  step(event: ClassicEvent): void {
    this.#perform(this.group.step(event, this.now));
  }

  joined(call: CallId): JoinAnswer {
    const answer = this.#answers.get(call);
    if (answer?.kind !== "answerJoin") throw new Error(`JoinGroup ${call} is not answered`);
    return answer.answer;
  }

  synced(call: CallId): SyncAnswer {
    const answer = this.#answers.get(call);
    if (answer?.kind !== "answerSync") throw new Error(`SyncGroup ${call} is not answered`);
    return answer.answer;
  }

  isAnswered(call: CallId): boolean {
    return this.#answers.has(call);
  }

  get unansweredCount(): number {
    return this.#calls - this.#answers.size;
  }

  /** Brings the members in, of whom the first leads, and gives each its name as assignment. */
  stabilize(...clientIds: string[]): string[] {
    return this.stabilizeAll(clientIds.map((clientId) => ({ clientId })));
  }

  stabilizeAll(requests: readonly Partial<JoinRequest>[]): string[] {
    let calls: CallId[] = [];
    let ids: string[] = [];
    for (const [index, request] of requests.entries()) {
      // Members that are in rejoin: with the same terms, so that the phase can end.
      calls = [this.join(request)];
      for (let at = 0; at < index; at++) {
        calls.push(this.join({ ...requests[at], memberId: ids[at] ?? "" }));
      }
      const [newest, ...others] = calls.map((call) => this.joined(call).memberId);
      ids = [...others, newest ?? ""];
    }
    this.syncAll(ids);
    expect(this.group.phase).toBe("Stable");
    return ids;
  }

  /** Every member sends its SyncGroup; the leader's gives each member its own id as assignment. */
  syncAll(ids: readonly string[]): CallId[] {
    const { generation } = this.group;
    const assignments = ids.map((memberId) => ({ memberId, assignment: bytes(memberId) }));
    return ids.map((memberId) => this.sync({ memberId, generation, assignments }));
  }

  #perform(effects: readonly ClassicEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "write") this.#write(effect.write, effect.image);
      else this.#answer(effect);
    }
    if (this.writesAtOnce && this.#unwritten.length > 0) this.finishWrites();
  }

  #write(write: number, image: ClassicGroupImage): void {
    this.images.push(image);
    this.#unwritten.push(write);
  }

  #answer(effect: Answer): void {
    expect(this.#answers.has(effect.call), `call ${effect.call} is answered once`).toBe(false);
    expect(effect.call).toBeLessThanOrEqual(this.#calls);
    this.#answers.set(effect.call, effect);
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function protocol(name: string, metadata = name): { name: string; metadata: Uint8Array } {
  return { name, metadata: bytes(metadata) };
}

const plainJoin: JoinRequest = {
  clientId: "client",
  clientHost: "/127.0.0.1",
  memberId: "",
  instanceId: null,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  protocolType: "consumer",
  protocols: [protocol("range")],
  requiresKnownMemberId: false,
  supportsSkippingAssignment: true,
  uuid: "uuid",
};
