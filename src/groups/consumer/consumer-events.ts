import type { ErrorCode } from "../../base/errors.ts";
import type { CallId } from "../classic/classic-events.ts";
import type { GroupRecord, TopicPartitions } from "../group-record.ts";
import type { AssignorName } from "./assignors/assignor.ts";

/** Not to be changed once it is handed on. */
export type Assignment = TopicPartitions;

/** Member epochs that ask for something (KIP-848). */
export const joiningEpoch = 0;
export const leavingEpoch = -1;
/** A static member leaves and means to come back. */
export const leavingStaticEpoch = -2;

/** What one member says in a heartbeat. Null and -1 mean unchanged. */
export interface ConsumerHeartbeat {
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly rebalanceTimeoutMs: number;
  readonly subscribedTopics: readonly string[] | null;
  readonly serverAssignor: string | null;
  /** What the member holds; a partition that is missing here has been given up. */
  readonly ownedPartitions: Assignment | null;
  readonly clientId: string;
  readonly clientHost: string;
}

export interface ConsumerHeartbeatAnswer {
  readonly error: ErrorCode | null;
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  /** Null: as the member knows it. */
  readonly assignment: Assignment | null;
}

export type ConsumerEvent =
  | {
      readonly kind: "consumerHeartbeat";
      readonly call: CallId;
      readonly request: ConsumerHeartbeat;
    }
  /** Time has passed: `wakeAtMs` is due, or might be. */
  | { readonly kind: "tick" }
  /** The outcome of an earlier `writeRecords` effect. */
  | { readonly kind: "written"; readonly write: number; readonly error: ErrorCode | null }
  /** The group goes away: every waiting call is answered with the error. */
  | { readonly kind: "close"; readonly error: ErrorCode };

export type ConsumerEffect =
  | {
      readonly kind: "answerConsumerHeartbeat";
      readonly call: CallId;
      readonly answer: ConsumerHeartbeatAnswer;
    }
  /** Store the records together; the outcome comes back as a `written` event, always. */
  | {
      readonly kind: "writeRecords";
      readonly write: number;
      readonly records: readonly GroupRecord[];
    };

/** A topic as the group sees it. */
export interface GroupTopic {
  /** Text form of its id. */
  readonly id: string;
  readonly name: string;
  readonly partitionCount: number;
}

/** The topics that there are. */
export interface GroupTopics {
  find(name: string): GroupTopic | undefined;
}

/** What a node's settings and the group's own configs allow. All are read anew each time. */
export interface ConsumerLimits {
  readonly topics: GroupTopics;
  /** `group.consumer.max.size` */
  readonly membersMax: number;
  /** `consumer.session.timeout.ms` of the group. */
  readonly sessionTimeoutMs: number;
  /** `consumer.heartbeat.interval.ms` of the group. */
  readonly heartbeatIntervalMs: number;
  /** `consumer.assignment.interval.ms` of the group: the least time between two targets. */
  readonly assignmentIntervalMs: number;
  /** `group.consumer.assignors`: the first is used where members ask for none. */
  readonly assignors: readonly AssignorName[];
}

export function refusedHeartbeat(memberId: string, error: ErrorCode): ConsumerHeartbeatAnswer {
  return { error, memberId, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null };
}
