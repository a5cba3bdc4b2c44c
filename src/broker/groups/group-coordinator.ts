import { assert } from "../../base/assert.ts";
import type { Cancel, Clock } from "../../base/clock.ts";
import { XylemError, type ErrorCode } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import type {
  ClassicLimits,
  HeartbeatRequest,
  JoinAnswer,
  JoinRequest,
  LeaveAnswer,
  LeavingMember,
  SyncAnswer,
  SyncRequest,
} from "../../groups/classic/classic-events.ts";
import type {
  ClassicGroup,
  ClassicGroupDescription,
  OffsetCommitter,
} from "../../groups/classic/classic-group.ts";
import { refusedJoin, refusedSync } from "../../groups/classic/classic-state.ts";
import { groupPartition } from "../../groups/group-partition.ts";
import type { Deadlines } from "../deadlines.ts";
import type { AcknowledgedTopic } from "../retention/acknowledging.ts";
import { acknowledgedOffsets } from "./acknowledged-offsets.ts";
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
import { formatMemberUuid } from "./member-uuid.ts";
import type { GroupLog } from "./group-log.ts";
import { GroupShard, type ShardHost } from "./group-shard.ts";

export interface GroupCoordinatorOptions {
  readonly log: GroupLog;
  readonly settings: NodeSettings;
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
  readonly type: "classic";
}

/** Kafka's own: how long a member's first JoinGroup may wait. */
const newMemberJoinTimeoutMs = 300_000;

/** Longest group id whose UTF-8 surely fits a record's key. */
const groupIdLengthMax = 10_000;

/**
 * Coordinates every group of this node: which partition of `__consumer_offsets` holds it, whether
 * that is loaded, and what all doors may ask of it. Expected failures are answered; thrown is only
 * COORDINATOR_NOT_AVAILABLE, where that topic can not be made or the node stops.
 */
export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions;
  readonly #host: ShardHost;
  #shards: readonly GroupShard[] = [];
  #loading: Promise<void> = Promise.resolve();
  #stopExpiry: Cancel | undefined;
  #isClosed = false;

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options;
    const { log, clock, deadlines, messages, settings } = options;
    const limits = liveLimits(settings);
    const writeTimeoutMs = (): number => settings["offsets.commit.timeout.ms"];
    const holdsOffset = options.holdsOffset.bind(options);
    this.#host = { log, clock, deadlines, messages, limits, writeTimeoutMs, holdsOffset };
  }

  /** Begins to load the groups there are, and to look for expired offsets. */
  start(): void {
    if (this.#options.log.partitionCount > 0) this.#openShards();
    this.#scheduleExpiry();
  }

  /** Resolves when all groups there were at the start can be asked. */
  whenLoaded(): Promise<void> {
    return this.#loading;
  }

  /** Answers every waiting call; the log stays open for the caller to close. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopExpiry?.();
    for (const shard of this.#shards) shard.close();
    await this.#loading;
  }

  /** The partition of `__consumer_offsets` that holds the group; makes that topic on first need. */
  async partitionOf(group: string): Promise<number> {
    await this.#ensureShards();
    return groupPartition(group, this.#shards.length);
  }

  /** Answers when the join phase ends, which may take as long as the rebalance timeout. */
  async join(group: string, request: Omit<JoinRequest, "uuid">): Promise<JoinAnswer> {
    const refuse = (error: ErrorCode): JoinAnswer => refusedJoin(error, request.memberId);
    const bad = checkGroupId(group) ?? this.#checkTerms(request);
    if (bad !== null) return refuse(bad);
    const shard = await this.#shardOf(group);
    if (shard.refusal !== null) return refuse(shard.refusal);
    if (shard.find(group) === undefined) {
      if (request.memberId !== "") return refuse("UNKNOWN_MEMBER_ID");
      if (this.#isFull()) return refuse("GROUP_MAX_SIZE_REACHED");
      shard.ensure(group);
    }
    const uuid = formatMemberUuid(this.#options.random.bytes(16));
    const asked = { ...request, uuid };
    const make = (call: number) => ({ kind: "join", call, request: asked }) as const;
    const { answer } = await shard.ask(group, "answerJoin", make);
    if (answer.error !== null) shard.dropUnused(group);
    return answer;
  }

  /** Answers when the leader's assignments are durable. */
  async sync(group: string, request: SyncRequest): Promise<SyncAnswer> {
    const shard = this.#findShard(group);
    const bad = this.#checkMembership(group, shard);
    if (bad !== null || shard === undefined) return refusedSync(bad ?? "UNKNOWN_MEMBER_ID");
    const make = (call: number) => ({ kind: "sync", call, request }) as const;
    return (await shard.ask(group, "answerSync", make)).answer;
  }

  /** While groups load, a heartbeat is fine: the member shall go on. */
  async heartbeat(group: string, request: HeartbeatRequest): Promise<ErrorCode | null> {
    const shard = this.#findShard(group);
    const bad = this.#checkMembership(group, shard);
    if (bad === "COORDINATOR_LOAD_IN_PROGRESS") return null;
    if (bad !== null || shard === undefined) return bad ?? "UNKNOWN_MEMBER_ID";
    const make = (call: number) => ({ kind: "heartbeat", call, request }) as const;
    return (await shard.ask(group, "answerHeartbeat", make)).error;
  }

  async leave(group: string, members: readonly LeavingMember[]): Promise<LeaveAnswer> {
    const shard = this.#findShard(group);
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
    const shard = await this.#shardOf(group);
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
    const shard = this.#findShard(group);
    if (shard === undefined) return { error: this.#absence(), offsets: noneOf(wanted) };
    if (shard.refusal !== null) return { error: shard.refusal, offsets: [] };
    return { error: null, offsets: fetchGroupOffsets(shard.offsets, group, wanted) };
  }

  /** As `acknowledgedOffsets`; 0 as long as a group may be missing because it is not loaded. */
  acknowledged(topic: AcknowledgedTopic): readonly number[] {
    if (this.#shards.some(({ refusal }) => refusal !== null)) return topic.partitions.map(() => 0);
    return acknowledgedOffsets(
      topic,
      this.#shards.map(({ offsets }) => offsets),
    );
  }

  async deleteOffsets(
    group: string,
    wanted: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<CommitResult> {
    const shard = this.#findShard(group);
    const bad = checkGroupId(group) ?? shard?.refusal ?? this.#absence();
    if (bad !== null) return { error: bad, errors: [] };
    if (shard === undefined) return { error: "GROUP_ID_NOT_FOUND", errors: [] };
    return await deleteGroupOffsets(shard, group, wanted);
  }

  /** Undefined: there is no such group. */
  describe(group: string): ClassicGroupDescription | undefined | { readonly error: ErrorCode } {
    const shard = this.#findShard(group);
    const bad = shard?.refusal ?? this.#absence();
    return bad === null ? shard?.find(group)?.describe() : { error: bad };
  }

  list(): { readonly error: ErrorCode | null; readonly groups: readonly GroupListing[] } {
    const groups: GroupListing[] = [];
    for (const shard of this.#shards) {
      if (shard.refusal !== null) return { error: shard.refusal, groups: [] };
      for (const [group, machine] of shard.all()) groups.push(listing(group, machine));
    }
    return { error: this.#absence(), groups };
  }

  /** Deletes an empty group with its offsets. */
  async delete(group: string): Promise<ErrorCode | null> {
    const shard = this.#findShard(group);
    const bad = shard?.refusal ?? this.#absence();
    if (bad !== null) return bad;
    return shard === undefined ? "GROUP_ID_NOT_FOUND" : await deleteGroup(shard, group);
  }

  /** A deleted topic takes its committed offsets along; the offsets topic takes all groups. */
  async forgetTopic(topic: string, isOffsetsTopic: boolean): Promise<void> {
    if (isOffsetsTopic) {
      for (const shard of this.#shards) shard.close();
      this.#shards = [];
      return;
    }
    await Promise.all(this.#shards.map((shard) => forgetTopic(shard, topic)));
  }

  /** Drops expired offsets, and groups that hold nothing any more. */
  async expire(): Promise<void> {
    const retentionMs = this.#options.settings["offsets.retention.minutes"] * 60_000;
    for (const shard of this.#shards) await expireGroups(shard, retentionMs);
  }

  #scheduleExpiry(): void {
    if (this.#isClosed) return;
    const intervalMs = Number(this.#options.settings["offsets.retention.check.interval.ms"]);
    this.#stopExpiry = this.#options.clock.schedule(intervalMs, () => {
      void this.expire().finally(() => this.#scheduleExpiry());
    });
  }

  #openShards(): void {
    const count = this.#options.log.partitionCount;
    const shards = Array.from({ length: count }, (_, index) => new GroupShard(index, this.#host));
    this.#shards = shards;
    this.#loading = loadAll(shards);
  }

  /** Throws COORDINATOR_NOT_AVAILABLE when the topic can not be made. */
  async #ensureShards(): Promise<void> {
    this.#refuseWhenClosed();
    if (this.#shards.length > 0) return;
    const isNew = this.#options.log.partitionCount === 0;
    try {
      await this.#options.log.create();
    } catch (error) {
      const text = "the offsets topic can not be made";
      throw new XylemError("COORDINATOR_NOT_AVAILABLE", text, { cause: error });
    }
    this.#refuseWhenClosed();
    if (this.#shards.length === 0) this.#openShards();
    // Nothing was ever written to a topic that was just made: no need to tell anybody to wait.
    if (isNew) await this.#loading;
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new XylemError("COORDINATOR_NOT_AVAILABLE", "the node stops");
  }

  async #shardOf(group: string): Promise<GroupShard> {
    await this.#ensureShards();
    const shard = this.#findShard(group);
    assert(shard !== undefined, "the offsets topic has partitions");
    return shard;
  }

  #findShard(group: string): GroupShard | undefined {
    if (this.#shards.length === 0) return undefined;
    return this.#shards[groupPartition(group, this.#shards.length)];
  }

  /** What it means that there are no shards. */
  #absence(): ErrorCode | null {
    return this.#isClosed ? "COORDINATOR_NOT_AVAILABLE" : null;
  }

  #checkMembership(group: string, shard: GroupShard | undefined): ErrorCode | null {
    const bad = checkGroupId(group) ?? shard?.refusal ?? this.#absence();
    if (bad !== null) return bad;
    return shard?.find(group) === undefined ? "UNKNOWN_MEMBER_ID" : null;
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
    let count = 0;
    for (const shard of this.#shards) count += shard.groupCount;
    return count >= this.#options.settings["groups.max"];
  }
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

/** Limits follow the settings while the node runs. */
function liveLimits(settings: NodeSettings): ClassicLimits {
  return {
    get membersMax() {
      return settings["group.max.size"];
    },
    get pendingMembersMax() {
      return settings["group.pending.members.max"];
    },
    get initialRebalanceDelayMs() {
      return settings["group.initial.rebalance.delay.ms"];
    },
    newMemberJoinTimeoutMs,
  };
}

async function loadAll(shards: readonly GroupShard[]): Promise<void> {
  for (const shard of shards) await shard.load();
}

function listing(group: string, machine: ClassicGroup): GroupListing {
  const protocolType = machine.protocolType ?? "";
  return { group, protocolType, state: machine.phase, type: "classic" };
}

function noneOf(wanted: readonly WantedOffset[] | null): readonly FetchedOffset[] {
  const none = { offset: -1, leaderEpoch: -1, metadata: "" };
  return (wanted ?? []).map(({ topic, partition }) => ({ topic, partition, ...none }));
}
