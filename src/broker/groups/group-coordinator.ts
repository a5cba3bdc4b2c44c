import type { Cancel, Clock } from "../../base/clock.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type {
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  LeaveAnswer,
  LeavingMember,
  SyncAnswer,
  SyncRequest,
} from "../../groups/classic/classic-events.ts";
import type {
  ClassicGroupDescription,
  OffsetCommitter,
} from "../../groups/classic/classic-group.ts";
import { refusedJoin, refusedSync } from "../../groups/classic/classic-state.ts";
import { checkHeartbeat } from "../../groups/consumer/check-heartbeat.ts";
import {
  joiningEpoch,
  refusedHeartbeat,
  type ConsumerHeartbeat,
  type ConsumerHeartbeatAnswer,
} from "../../groups/consumer/consumer-events.ts";
import type {
  ConsumerGroup,
  ConsumerGroupDescription,
} from "../../groups/consumer/consumer-group.ts";
import type { GroupMachine } from "../../groups/group-machine.ts";
import { groupPartition } from "../../groups/group-partition.ts";
import type { Deadlines } from "../deadlines.ts";
import { type AskedTopic, passedOffsets } from "./acknowledged-offsets.ts";
import type { PassedHere } from "./ask-acknowledged.ts";
import { deleteGroup, expireGroups, forgetTopic } from "./group-cleanup.ts";
import {
  commitGroupOffsets,
  deleteGroupOffsets,
  fetchGroupOffsets,
  type CommitResult,
  type FetchedOffset,
  type NewOffset,
  type OffsetFetchResult,
  type WantedOffset,
} from "./group-offsets.ts";
import type { PendingWork } from "../pending-work.ts";
import { Turns } from "../turns.ts";
import { formatMemberUuid } from "./member-uuid.ts";
import type { GroupLog } from "./group-log.ts";
import { liveLimits, type LimitsOptions } from "./group-limits.ts";
import type { GroupShard } from "./group-shard.ts";
import { GroupShards } from "./group-shards.ts";

export interface GroupCoordinatorOptions extends LimitsOptions {
  readonly log: GroupLog;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly random: Random;
  readonly messages: Log;
  /** Whether a group's offset of this topic must not expire. */
  holdsOffset(group: string, topic: string): boolean;
}

export interface GroupListing {
  readonly group: string;
  readonly protocolType: string;
  readonly state: string;
  readonly type: GroupMachine["kind"];
}

export type GroupDescription = ClassicGroupDescription | ConsumerGroupDescription;

/** Longest group id whose UTF-8 surely fits a record's key. */
const groupIdLengthMax = 10_000;

/**
 * Coordinates every group of this node: which partition of `__consumer_offsets` holds it, whether
 * that is loaded, and what all doors may ask of it. Expected failures are answered; thrown is only
 * COORDINATOR_NOT_AVAILABLE, where that topic can not be made or the node stops.
 */
export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions;
  readonly #shards: GroupShards;
  #stopExpiry: Cancel | undefined;

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options;
    const { log, clock, deadlines, messages, settings } = options;
    const limits = liveLimits(options);
    const writeTimeoutMs = (): number => settings["offsets.commit.timeout.ms"];
    const holdsOffset = options.holdsOffset.bind(options);
    const turns = new Turns();
    const host = { log, clock, deadlines, messages, limits, writeTimeoutMs, holdsOffset, turns };
    this.#shards = new GroupShards(log, host);
  }

  /** Begins to load the groups there are, and to look for expired offsets. */
  start(): void {
    this.#shards.open();
    this.#scheduleExpiry();
  }

  /** Another node has made the offsets topic. */
  takeUp(): void {
    this.#shards.open();
  }

  /** Done when all groups there were at the start can be asked; or one of them, at any time. */
  loading(group?: string): PendingWork {
    return this.#shards.loading(group);
  }

  /** Why a group can not be asked here now; null: it can, if there is one. */
  refusal(group: string): ErrorCode | null {
    return this.#shards.find(group)?.refusal ?? this.#shards.absence();
  }

  /** Answers every waiting call; the log stays open for the caller to close. */
  async close(): Promise<void> {
    this.#stopExpiry?.();
    await this.#shards.close();
  }

  /** The partition of `__consumer_offsets` that holds the group; makes that topic on first need. */
  async partitionOf(group: string): Promise<number> {
    await this.#shards.ensure();
    return groupPartition(group, this.#shards.all.length);
  }

  /** Answers when the join phase ends, which may take as long as the rebalance timeout. */
  async join(group: string, request: Omit<JoinRequest, "uuid">): Promise<JoinAnswer> {
    const refuse = (error: ErrorCode): JoinAnswer => refusedJoin(error, request.memberId);
    const bad = checkGroupId(group) ?? this.#checkTerms(request);
    if (bad !== null) return refuse(bad);
    const shard = await this.#shards.of(group);
    if (shard.refusal !== null) return refuse(shard.refusal);
    const known = shard.find(group);
    if (known === undefined) {
      if (request.memberId !== "") return refuse("UNKNOWN_MEMBER_ID");
      if (this.#isFull()) return refuse("GROUP_MAX_SIZE_REACHED");
      shard.ensure(group);
    } else if (known.kind === "consumer") {
      const refused = becomeKind(shard, group, "classic");
      if (refused !== null) return refuse(refused);
    }
    const uuid = formatMemberUuid(this.#options.random.bytes(16));
    const asked = { ...request, uuid };
    const make = (call: number) => ({ kind: "join", call, request: asked }) as const;
    const { answer } = await shard.ask(group, "answerJoin", make);
    if (answer.error !== null) shard.dropUnused(group);
    return answer;
  }

  /** ConsumerGroupHeartbeat: answers when what it tells of is durable. */
  async consumerHeartbeat(
    group: string,
    request: ConsumerHeartbeat,
  ): Promise<ConsumerHeartbeatAnswer> {
    const refuse = (error: ErrorCode): ConsumerHeartbeatAnswer =>
      refusedHeartbeat(request.memberId, error);
    const { settings } = this.#options;
    const bad =
      (group === "" ? "INVALID_REQUEST" : checkGroupId(group)) ??
      checkHeartbeat(request, settings["group.consumer.assignors"]) ??
      (consumerBytes(request) > settings["group.member.max.bytes"] ? "INVALID_REQUEST" : null);
    if (bad !== null) return refuse(bad);
    const shard = await this.#shards.of(group);
    if (shard.refusal !== null) return refuse(shard.refusal);
    const known = shard.find(group);
    if (known?.kind !== "consumer") {
      if (request.memberEpoch !== joiningEpoch) return refuse("GROUP_ID_NOT_FOUND");
      if (known === undefined && this.#isFull()) return refuse("GROUP_MAX_SIZE_REACHED");
      const refused = becomeKind(shard, group, "consumer");
      if (refused !== null) return refuse(refused);
    }
    const make = (call: number) => ({ kind: "consumerHeartbeat", call, request }) as const;
    const { answer } = await shard.ask(group, "answerConsumerHeartbeat", make);
    if (answer.error !== null) shard.dropUnused(group);
    return answer;
  }

  /** A server-assigned group; undefined: there is none of this name that is loaded. */
  findConsumerGroup(group: string): ConsumerGroup | undefined {
    const machine = this.#shards.find(group)?.find(group);
    return machine?.kind === "consumer" ? machine : undefined;
  }

  /** Calls `listener` after each change of a server-assigned group, until the answer is called. */
  onChange(group: string, listener: () => void): Cancel {
    return this.#shards.find(group)?.onChange(group, listener) ?? (() => {});
  }

  /** Answers when the leader's assignments are durable. */
  async sync(group: string, request: SyncRequest): Promise<SyncAnswer> {
    const shard = this.#shards.find(group);
    const bad = this.#checkMembership(group, shard);
    if (bad !== null || shard === undefined) return refusedSync(bad ?? "UNKNOWN_MEMBER_ID");
    const make = (call: number) => ({ kind: "sync", call, request }) as const;
    return (await shard.ask(group, "answerSync", make)).answer;
  }

  /** While groups load, a heartbeat is fine: the member shall go on. */
  async heartbeat(group: string, request: HeartbeatRequest): Promise<ErrorCode | null> {
    const shard = this.#shards.find(group);
    const bad = this.#checkMembership(group, shard);
    if (bad === "COORDINATOR_LOAD_IN_PROGRESS") return null;
    if (bad !== null || shard === undefined) return bad ?? "UNKNOWN_MEMBER_ID";
    const make = (call: number) => ({ kind: "heartbeat", call, request }) as const;
    return (await shard.ask(group, "answerHeartbeat", make)).error;
  }

  async leave(group: string, members: readonly LeavingMember[]): Promise<LeaveAnswer> {
    const shard = this.#shards.find(group);
    const bad = this.#checkMembership(group, shard);
    if (bad === "UNKNOWN_MEMBER_ID" || shard === undefined) {
      const error = bad === "UNKNOWN_MEMBER_ID" ? null : bad;
      return { error, errors: members.map(() => "UNKNOWN_MEMBER_ID") };
    }
    if (bad !== null) return { error: bad, errors: [] };
    const make = (call: number) => ({ kind: "leave", call, members }) as const;
    return (await shard.ask(group, "answerLeave", make)).answer;
  }

  /**
   * Commits offsets durably. `unknownGroup` is what a member of a group that is not there is told.
   * Whether the topics exist is the caller's to check.
   */
  async commitOffsets(
    group: string,
    commit: {
      readonly committer: OffsetCommitter;
      readonly offsets: readonly NewOffset[];
      readonly unknownGroup: ErrorCode;
    },
  ): Promise<CommitResult> {
    const shard = await this.#shards.of(group);
    const bad = group.length > groupIdLengthMax ? "INVALID_GROUP_ID" : shard.refusal;
    if (bad !== null) return { error: bad, errors: [] };
    if (shard.find(group) === undefined) {
      if (commit.committer.generation >= 0) return { error: commit.unknownGroup, errors: [] };
      if (this.#isFull()) return { error: "GROUP_MAX_SIZE_REACHED", errors: [] };
    }
    const metadataLengthMax = this.#options.settings["offset.metadata.max.bytes"];
    return await commitGroupOffsets(shard, group, { ...commit, metadataLengthMax });
  }

  /** Durable offsets; `wanted` null asks for all. What is not there reads as offset -1. */
  fetchOffsets(group: string, wanted: readonly WantedOffset[] | null): OffsetFetchResult {
    const shard = this.#shards.find(group);
    if (shard === undefined) return { error: this.#shards.absence(), offsets: noneOf(wanted) };
    if (shard.refusal !== null) return { error: shard.refusal, offsets: [] };
    return { error: null, offsets: fetchGroupOffsets(shard.offsets, group, wanted) };
  }

  /** What forbids an OffsetFetch of a member of a server-assigned group; null: nothing. */
  checkFetch(group: string, memberId: string | null, memberEpoch: number): ErrorCode | null {
    return this.findConsumerGroup(group)?.checkFetch(memberId, memberEpoch) ?? null;
  }

  /** What the groups that can be asked here have passed of each of these topics. */
  passed(topics: readonly AskedTopic[]): PassedHere {
    const { all } = this.#shards;
    const shards = [...all.keys()].filter((index) => all[index]?.refusal === null);
    const stores = shards.flatMap((index) => all[index]?.offsets ?? []);
    const passed = topics.map((topic) => passedOffsets(topic, stores));
    return { shardCount: all.length, shards, topics: passed };
  }

  async deleteOffsets(
    group: string,
    wanted: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<CommitResult> {
    const shard = this.#shards.find(group);
    const bad = checkGroupId(group) ?? shard?.refusal ?? this.#shards.absence();
    if (bad !== null) return { error: bad, errors: [] };
    if (shard === undefined) return { error: "GROUP_ID_NOT_FOUND", errors: [] };
    return await deleteGroupOffsets(shard, group, wanted);
  }

  /** Undefined: there is no such group. */
  describe(group: string): GroupDescription | undefined | { readonly error: ErrorCode } {
    const shard = this.#shards.find(group);
    const bad = shard?.refusal ?? this.#shards.absence();
    return bad === null ? shard?.find(group)?.describe() : { error: bad };
  }

  /** Those that this node coordinates; with an error some are missing. */
  list(): { readonly error: ErrorCode | null; readonly groups: readonly GroupListing[] } {
    const groups: GroupListing[] = [];
    let error = this.#shards.absence();
    for (const shard of this.#shards.all) {
      if (shard.isElsewhere) continue;
      error ??= shard.refusal;
      for (const [group, machine] of shard.all()) groups.push(listing(group, machine));
    }
    return { error, groups };
  }

  /** Deletes an empty group with its offsets. */
  async delete(group: string): Promise<ErrorCode | null> {
    const shard = this.#shards.find(group);
    const bad = shard?.refusal ?? this.#shards.absence();
    if (bad !== null) return bad;
    return shard === undefined ? "GROUP_ID_NOT_FOUND" : await deleteGroup(shard, group);
  }

  /** A deleted topic takes its committed offsets along; the offsets topic takes all groups. */
  async forgetTopic(topic: string, isOffsetsTopic: boolean): Promise<void> {
    if (isOffsetsTopic) return this.#shards.forget();
    await Promise.all(this.#shards.all.map((shard) => forgetTopic(shard, topic)));
  }

  /** Drops expired offsets, and groups that hold nothing any more. */
  async expire(): Promise<void> {
    const retentionMs = this.#options.settings["offsets.retention.minutes"] * 60_000;
    for (const shard of this.#shards.all) await expireGroups(shard, retentionMs);
  }

  #scheduleExpiry(): void {
    if (this.#shards.isClosed) return;
    const intervalMs = Number(this.#options.settings["offsets.retention.check.interval.ms"]);
    this.#stopExpiry = this.#options.clock.schedule(intervalMs, () => {
      void this.expire().finally(() => this.#scheduleExpiry());
    });
  }

  #checkMembership(group: string, shard: GroupShard | undefined): ErrorCode | null {
    const bad = checkGroupId(group) ?? shard?.refusal ?? this.#shards.absence();
    if (bad !== null) return bad;
    return shard?.find(group)?.kind === "classic" ? null : "UNKNOWN_MEMBER_ID";
  }

  #checkTerms(request: Omit<JoinRequest, "uuid">): ErrorCode | null {
    const { settings } = this.#options;
    const timeoutMs = request.sessionTimeoutMs;
    const isAllowed =
      timeoutMs >= settings["group.min.session.timeout.ms"] &&
      timeoutMs <= settings["group.max.session.timeout.ms"];
    if (!isAllowed) return "INVALID_SESSION_TIMEOUT";
    return memberBytes(request) > settings["group.member.max.bytes"] ? "INVALID_REQUEST" : null;
  }

  #isFull(): boolean {
    return this.#shards.groupCount() >= this.#options.settings["groups.max"];
  }
}

/** A group that nobody is in becomes one of the other kind at first use; null: it is now. */
function becomeKind(
  shard: GroupShard,
  group: string,
  kind: GroupMachine["kind"],
): ErrorCode | null {
  const machine = shard.find(group);
  if (machine === undefined) shard.ensure(group, kind);
  else if (machine.phase !== "Empty") {
    return kind === "classic" ? "INCONSISTENT_GROUP_PROTOCOL" : "GROUP_ID_NOT_FOUND";
  } else if (!machine.isIdle) return "COORDINATOR_LOAD_IN_PROGRESS";
  else shard.convert(group, kind);
  return null;
}

function checkGroupId(group: string): ErrorCode | null {
  return group === "" || group.length > groupIdLengthMax ? "INVALID_GROUP_ID" : null;
}

/** About what a member takes in memory and in the group's record. */
function memberBytes({ protocolType, instanceId, protocols }: Omit<JoinRequest, "uuid">): number {
  return protocols.reduce(
    (sum, { name, metadata }) => sum + name.length + metadata.length,
    protocolType.length + (instanceId?.length ?? 0),
  );
}

function consumerBytes({ subscribedTopics, memberId, instanceId }: ConsumerHeartbeat): number {
  const names = subscribedTopics ?? [];
  return names.reduce(
    (sum, { length }) => sum + length,
    memberId.length + (instanceId?.length ?? 0),
  );
}

function listing(group: string, machine: GroupMachine): GroupListing {
  const protocolType = machine.protocolType ?? "";
  return { group, protocolType, state: machine.phase, type: machine.kind };
}

function noneOf(wanted: readonly WantedOffset[] | null): readonly FetchedOffset[] {
  const none = { offset: -1, leaderEpoch: -1, metadata: "" };
  return (wanted ?? []).map(({ topic, partition }) => ({ topic, partition, ...none }));
}
