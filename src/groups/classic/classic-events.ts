import type { ErrorCode } from "../../base/errors.ts";
import type { ClassicGroupImage } from "../group-record.ts";

/** Names one waiting request of the shell; each is answered exactly once. */
export type CallId = number;

/** Time as a machine sees it: deadlines count on the monotonic one, records carry the wall one. */
export interface Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** One embedded protocol of a member. `metadata` is opaque: other programs decide what it means. */
export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

export interface JoinRequest {
  readonly clientId: string;
  /** `/address`, as Kafka shows it. */
  readonly clientHost: string;
  /** "" when the member has none yet. */
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly MemberProtocol[];
  /** KIP-394: a dynamic member without an id is first told its id (JoinGroup v4 and up). */
  readonly requiresKnownMemberId: boolean;
  /** KIP-814: a returning static leader may be told to keep the assignment (v9 and up). */
  readonly supportsSkippingAssignment: boolean;
  /** A fresh uuid as text, for a member id if one has to be made. */
  readonly uuid: string;
}

export interface JoinedMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly metadata: Uint8Array;
}

/** With an error: generation -1, no protocol, no leader, no members. */
export interface JoinAnswer {
  readonly error: ErrorCode | null;
  readonly memberId: string;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  /** Filled for the leader only. */
  readonly members: readonly JoinedMember[];
}

export interface SyncRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
  /** Null: not told (below v5), not checked. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
}

export interface SyncAnswer {
  readonly error: ErrorCode | null;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

export interface HeartbeatRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
}

/** With memberId "" the instance id alone tells who leaves (administrative removal). */
export interface LeavingMember {
  readonly memberId: string;
  readonly instanceId: string | null;
}

/** `errors` goes with the members asked for; `error` stands for the whole call. */
export interface LeaveAnswer {
  readonly error: ErrorCode | null;
  readonly errors: readonly (ErrorCode | null)[];
}

export type ClassicEvent =
  | { readonly kind: "join"; readonly call: CallId; readonly request: JoinRequest }
  | { readonly kind: "sync"; readonly call: CallId; readonly request: SyncRequest }
  | { readonly kind: "heartbeat"; readonly call: CallId; readonly request: HeartbeatRequest }
  | { readonly kind: "leave"; readonly call: CallId; readonly members: readonly LeavingMember[] }
  /** Time has passed: `wakeAtMs` is due, or might be. */
  | { readonly kind: "tick" }
  /** The outcome of an earlier `write` effect. */
  | { readonly kind: "written"; readonly write: number; readonly error: ErrorCode | null }
  /** The group goes away: every waiting call is answered with the error. */
  | { readonly kind: "close"; readonly error: ErrorCode };

export type ClassicEffect =
  | { readonly kind: "answerJoin"; readonly call: CallId; readonly answer: JoinAnswer }
  | { readonly kind: "answerSync"; readonly call: CallId; readonly answer: SyncAnswer }
  | {
      readonly kind: "answerHeartbeat";
      readonly call: CallId;
      readonly error: ErrorCode | null;
    }
  | { readonly kind: "answerLeave"; readonly call: CallId; readonly answer: LeaveAnswer }
  /** Store the group; the outcome comes back as a `written` event, always. */
  | { readonly kind: "write"; readonly write: number; readonly image: ClassicGroupImage };

/** What a node's settings allow a group. */
export interface ClassicLimits {
  /** `group.max.size` */
  readonly membersMax: number;
  /** `group.pending.members.max`: ids handed out and not used yet. */
  readonly pendingMembersMax: number;
  /** `group.initial.rebalance.delay.ms` */
  readonly initialRebalanceDelayMs: number;
  /** How long a member's first JoinGroup may wait: Kafka's 5 minutes. */
  readonly newMemberJoinTimeoutMs: number;
}
