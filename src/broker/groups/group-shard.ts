import { assert } from "../../base/assert.ts";
import type { Cancel, Clock } from "../../base/clock.ts";
import { type ErrorCode, MalformedError, XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { CallId, Instant } from "../../groups/classic/classic-events.ts";
import { ClassicGroup } from "../../groups/classic/classic-group.ts";
import { ConsumerGroup } from "../../groups/consumer/consumer-group.ts";
import { coordinatorError } from "../../groups/coordinator-error.ts";
import {
  GroupImages,
  stepMachine,
  tombstonesOf,
  type GroupEffect,
  type GroupEvent,
  type GroupMachine,
  type MachineLimits,
} from "../../groups/group-machine.ts";
import { readGroupRecord, writeGroupRecord } from "../../groups/group-record-codec.ts";
import type { GroupRecord } from "../../groups/group-record.ts";
import { OffsetStore } from "../../groups/offsets/offset-store.ts";
import type { RecordBytes } from "../../groups/record-bytes.ts";
import type { Deadlines } from "../deadlines.ts";
import { PendingWork } from "../pending-work.ts";
import type { Turns } from "../turns.ts";
import type { GroupLog } from "./group-log.ts";

/** What a shard works with. */
export interface ShardHost {
  readonly log: GroupLog;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly limits: MachineLimits;
  readonly messages: Log;
  /** Partitions are loaded one after the other. */
  readonly turns: Turns;
  /** `offsets.commit.timeout.ms` */
  writeTimeoutMs(): number;
  /** As of GroupCoordinatorOptions. */
  holdsOffset(group: string, topic: string): boolean;
}

export type ShardStatus = "loading" | "active" | "failed" | "closed";

type Write = Extract<GroupEffect, { kind: "write" | "writeRecords" }>;
type Answer = Exclude<GroupEffect, Write>;
type AnswerOf<Kind extends Answer["kind"]> = Extract<Answer, { kind: Kind }>;

interface LiveGroup {
  readonly machine: GroupMachine;
  armedAtMs: number;
  disarm: Cancel | undefined;
}

/**
 * The groups of one partition of `__consumer_offsets`: feeds their machines, carries out the
 * effects, keeps their offsets. One owner, no locks: nothing here waits between reading state and
 * changing it. Membership changes at once; offsets change when their records are committed.
 */
export class GroupShard {
  readonly offsets = new OffsetStore();
  readonly #partition: number;
  readonly #host: ShardHost;
  readonly #groups = new Map<string, LiveGroup>();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #waiting = new Map<CallId, (answer: Answer) => void>();
  #calls = 0;
  readonly #closed = Promise.withResolvers<void>();
  #loading = new PendingWork(Promise.resolve());
  #status: ShardStatus = "loading";

  constructor(partition: number, host: ShardHost) {
    this.#partition = partition;
    this.#host = host;
  }

  get status(): ShardStatus {
    return this.#status;
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  /** Why the shard can not be asked now; null: it can. */
  get refusal(): ErrorCode | null {
    // A lease may have run out while the process stood still: nobody has told the shard yet.
    if (this.#status === "active") return this.isElsewhere ? "NOT_COORDINATOR" : null;
    if (this.#status === "loading") return "COORDINATOR_LOAD_IN_PROGRESS";
    return this.#status === "failed" ? "NOT_COORDINATOR" : "COORDINATOR_NOT_AVAILABLE";
  }

  now(): Instant {
    const { clock } = this.#host;
    return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }

  /** Done once it was loaded, or could not be. */
  get loading(): PendingWork {
    return this.#loading;
  }

  /** Another node's, as it may be by now when this one hands over, or nobody's. */
  get isElsewhere(): boolean {
    return this.#host.log.isElsewhere?.(this.#partition) === true;
  }

  /** Reads the partition's records and resumes its groups. Never rejects. */
  load(): Promise<void> {
    this.#loading = new PendingWork(this.#load());
    return this.#loading.done;
  }

  async #load(): Promise<void> {
    const images = new GroupImages();
    const { log, turns } = this.#host;
    const read = () => log.replay(this.#partition, (record) => this.#replay(record, images));
    try {
      // What a head can not commit may stay so for long: whoever stops does not wait for it.
      await Promise.race([log.whenLatestKnown?.(this.#partition), this.#closed.promise]);
      if (this.status === "closed") return;
      await turns.take("load", read);
    } catch (error) {
      this.#status = this.#status === "closed" ? "closed" : "failed";
      const why = error instanceof Error ? error.message : String(error);
      const fields = { partition: this.#partition, why };
      if (!hasMoved(error)) this.#host.messages.error("groups could not be loaded", fields);
      return;
    }
    if (this.#status !== "closed") this.#resume(images);
  }

  holdsOffset(group: string, topic: string): boolean {
    return this.#host.holdsOffset(group, topic);
  }

  find(group: string): GroupMachine | undefined {
    return this.#groups.get(group)?.machine;
  }

  /** The group's machine; one of the given kind is made when there is none. */
  ensure(group: string, kind: GroupMachine["kind"] = "classic"): GroupMachine {
    const found = this.#groups.get(group);
    if (found !== undefined) return found.machine;
    const { limits, clock } = this.#host;
    const machine =
      kind === "classic"
        ? new ClassicGroup(limits.classic, clock.nowMs())
        : new ConsumerGroup(group, limits.consumer(group));
    this.#put(group, machine);
    return machine;
  }

  /**
   * An idle group becomes one of the other kind; its offsets stay. Should what it was not go from
   * the log, then what it becomes takes its place there all the same.
   */
  convert(group: string, kind: GroupMachine["kind"]): void {
    const machine = this.find(group);
    assert(machine?.isIdle === true, `group ${group} is not idle, but becomes ${kind}`);
    const tombstones = machine.isUnused ? [] : tombstonesOf(group, machine);
    this.drop(group);
    this.ensure(group, kind);
    void this.write(tombstones);
  }

  *all(): Generator<[string, GroupMachine]> {
    for (const [group, { machine }] of this.#groups) yield [group, machine];
  }

  /** Calls `listener` after each change of a server-assigned group, until the answer is called. */
  onChange(group: string, listener: () => void): Cancel {
    const listeners = this.#listeners.get(group) ?? new Set();
    this.#listeners.set(group, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(group);
    };
  }

  /** Sends an event to an existing group and waits for its answer. */
  ask<Kind extends Answer["kind"]>(
    group: string,
    kind: Kind,
    event: (call: CallId) => GroupEvent,
  ): Promise<AnswerOf<Kind>> {
    return new Promise((resolve) => {
      const call = ++this.#calls;
      this.#waiting.set(call, (answer) => {
        assert(answer.kind === kind, `a call for ${kind} was answered with ${answer.kind}`);
        resolve(answer as AnswerOf<Kind>);
      });
      this.#deliver(group, event(call));
    });
  }

  /** The group goes at once; the caller writes what makes it so. */
  drop(group: string): void {
    this.#deliver(group, { kind: "close", error: "UNKNOWN_MEMBER_ID" });
    this.#groups.get(group)?.disarm?.();
    this.#groups.delete(group);
  }

  /** A group that a refused request made leaves no trace: it was never stored. */
  dropUnused(group: string): void {
    if (this.find(group)?.isUnused === true && !this.offsets.holds(group)) this.drop(group);
  }

  /** A drop that could not be written: the group is there again, unless there is a newer one. */
  restore(group: string, records: readonly GroupRecord[]): void {
    if (this.#groups.has(group) || this.#status !== "active") return;
    const images = new GroupImages();
    for (const record of records) if (record.kind !== "offset") images.apply(record);
    for (const [name, machine] of images.machines(this.#host.limits)) this.#put(name, machine);
  }

  /** Writes records and applies them once they are committed. Null: done; else why not. */
  async write(records: readonly GroupRecord[]): Promise<ErrorCode | null> {
    if (records.length === 0) return null;
    const { log, deadlines } = this.#host;
    let bytes: RecordBytes[];
    try {
      bytes = records.map(writeGroupRecord);
    } catch (error) {
      return this.#explain(error);
    }
    for (const record of records) if (record.kind === "offset") this.offsets.expect(record);
    return await new Promise((resolve) => {
      // Late is not lost: the records are applied when they are committed all the same.
      const expiring = { expire: (): void => resolve("COORDINATOR_NOT_AVAILABLE") };
      const slot = deadlines.add(expiring, this.#host.writeTimeoutMs());
      const end = (error: ErrorCode | null): void => {
        deadlines.remove(expiring, slot);
        this.#settle(records, error);
        resolve(error);
      };
      log.append(this.#partition, bytes).then(
        () => end(null),
        (error: unknown) => end(this.#explain(error)),
      );
    });
  }

  /** Every waiting call is answered; nothing works any more. */
  close(): void {
    for (const [group, live] of this.#groups) {
      this.#deliver(group, { kind: "close", error: "NOT_COORDINATOR" });
      live.disarm?.();
    }
    this.#groups.clear();
    this.#status = "closed";
    this.#closed.resolve();
  }

  #explain(error: unknown): ErrorCode {
    const code = coordinatorError(error);
    const why = error instanceof Error ? error.message : String(error);
    const where = { partition: this.#partition, code, why };
    if (!hasMoved(error)) this.#host.messages.error("group records could not be written", where);
    return code;
  }

  #settle(records: readonly GroupRecord[], error: ErrorCode | null): void {
    for (const record of records) {
      if (record.kind !== "offset") continue;
      this.offsets.settle(record);
      if (error === null) this.offsets.apply(record);
    }
  }

  #deliver(group: string, event: GroupEvent): void {
    const live = this.#groups.get(group);
    assert(live !== undefined, `group ${group} got a ${event.kind} before it was made`);
    this.#perform(group, live, stepMachine(live.machine, event, this.now()));
  }

  #perform(group: string, live: LiveGroup, effects: readonly GroupEffect[]): void {
    for (const effect of effects) {
      if (isWrite(effect)) this.#store(group, live, effect);
      else this.#answer(effect);
    }
    this.#arm(group, live);
    if (effects.some(({ kind }) => kind === "writeRecords")) this.#tell(group);
  }

  #answer(effect: Answer): void {
    const answer = this.#waiting.get(effect.call);
    assert(answer !== undefined, `call ${effect.call} is answered twice or was never made`);
    this.#waiting.delete(effect.call);
    answer(effect);
  }

  #store(group: string, live: LiveGroup, effect: Write): void {
    const { write } = effect;
    const records =
      effect.kind === "writeRecords"
        ? effect.records
        : [{ kind: "classicGroup", group, value: effect.image } as const];
    void this.write(records).then((error) => {
      const event = { kind: "written", write, error } as const;
      this.#perform(group, live, stepMachine(live.machine, event, this.now()));
    });
  }

  #tell(group: string): void {
    for (const listener of this.#listeners.get(group) ?? []) listener();
  }

  #arm(group: string, live: LiveGroup): void {
    const { wakeAtMs } = live.machine;
    if (wakeAtMs >= live.armedAtMs || this.#groups.get(group) !== live) return;
    live.disarm?.();
    live.armedAtMs = wakeAtMs;
    const delayMs = Math.max(0, wakeAtMs - this.#host.clock.monotonicMs());
    live.disarm = this.#host.clock.schedule(delayMs, () => {
      live.armedAtMs = Infinity;
      this.#perform(group, live, stepMachine(live.machine, { kind: "tick" }, this.now()));
    });
  }

  #put(group: string, machine: GroupMachine): LiveGroup {
    const live: LiveGroup = { machine, armedAtMs: Infinity, disarm: undefined };
    this.#groups.set(group, live);
    return live;
  }

  #replay(bytes: RecordBytes, images: GroupImages): void {
    const record = this.#read(bytes);
    if (record?.kind === "offset") this.offsets.apply(record);
    else if (record !== undefined) images.apply(record);
  }

  /** One record that can not be read must not take all groups of the partition with it. */
  #read(bytes: RecordBytes): GroupRecord | undefined {
    try {
      return readGroupRecord(bytes);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      const where = { partition: this.#partition, why: error.message };
      this.#host.messages.error("a group record can not be read and is passed over", where);
      return undefined;
    }
  }

  #resume(images: GroupImages): void {
    this.#status = "active";
    for (const [group, machine] of images.machines(this.#host.limits)) {
      const live = this.#put(group, machine);
      this.#perform(group, live, machine.startSessions(this.now()));
    }
    for (const group of this.offsets.groups()) this.ensure(group);
  }
}

function isWrite(effect: GroupEffect): effect is Write {
  return effect.kind === "write" || effect.kind === "writeRecords";
}

/** The partition is another node's now: who asks there is told, and nothing is wrong. */
function hasMoved(error: unknown): boolean {
  return error instanceof XylemError && error.code === "NOT_LEADER_OR_FOLLOWER";
}
