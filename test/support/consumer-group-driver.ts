import { expect } from "vitest";
import type { ErrorCode } from "../../src/base/errors.ts";
import type { CallId, Instant } from "../../src/groups/classic/classic-events.ts";
import type {
  Assignment,
  ConsumerEffect,
  ConsumerEvent,
  ConsumerHeartbeat,
  ConsumerHeartbeatAnswer,
  ConsumerLimits,
  GroupTopic,
} from "../../src/groups/consumer/consumer-events.ts";
import { ConsumerGroup } from "../../src/groups/consumer/consumer-group.ts";
import { ConsumerImage } from "../../src/groups/consumer/consumer-image.ts";
import { readGroupRecord, writeGroupRecord } from "../../src/groups/group-record-codec.ts";
import type { RecordBytes } from "../../src/groups/record-bytes.ts";
import { wallStartMs } from "./group-driver.ts";

export interface ConsumerDriverLimits extends Omit<ConsumerLimits, "topics"> {
  readonly topics: Readonly<Record<string, number>>;
}

/** A consumer group with a clock, topics, waiting calls, and a log that keeps bytes. */
export class ConsumerGroupDriver {
  group: ConsumerGroup;
  elapsedMs = 0;
  /** False: writes wait for `finishWrites`. */
  writesAtOnce = true;
  readonly topics = new Map<string, GroupTopic>();
  /** What a restart would read. */
  readonly log: RecordBytes[] = [];
  readonly #limits: ConsumerLimits;
  readonly #answers = new Map<CallId, ConsumerHeartbeatAnswer>();
  #unwritten: { readonly write: number; readonly records: readonly RecordBytes[] }[] = [];
  #calls = 0;
  #topicIds = 0;

  constructor({ topics = {}, ...limits }: Partial<ConsumerDriverLimits> = {}) {
    for (const [name, count] of Object.entries(topics)) this.setTopic(name, count);
    this.#limits = {
      topics: { find: (name) => this.topics.get(name) },
      membersMax: 1_000,
      sessionTimeoutMs: 45_000,
      heartbeatIntervalMs: 5_000,
      assignmentIntervalMs: 0,
      assignors: ["uniform", "range"],
      ...limits,
    };
    this.group = new ConsumerGroup("g", this.#limits);
  }

  get now(): Instant {
    return { wallMs: wallStartMs + this.elapsedMs, monotonicMs: this.elapsedMs };
  }

  /** Makes a topic, grows it, or with 0 partitions deletes it. */
  setTopic(name: string, partitionCount: number): void {
    const id = this.topics.get(name)?.id ?? topicId(this.#topicIds++);
    if (partitionCount === 0) this.topics.delete(name);
    else this.topics.set(name, { id, name, partitionCount });
  }

  /** Starts a heartbeat that changes nothing but what is given. */
  beat(request: Partial<ConsumerHeartbeat>): CallId {
    const call = ++this.#calls;
    this.step({ kind: "consumerHeartbeat", call, request: { ...plainBeat, ...request } });
    return call;
  }

  /** A heartbeat that is answered at once. */
  ask(request: Partial<ConsumerHeartbeat>): ConsumerHeartbeatAnswer {
    const answer = this.answerTo(this.beat(request));
    if (answer === undefined) throw new Error("the heartbeat is not answered");
    return answer;
  }

  join(memberId: string, topics: readonly string[], more: Partial<ConsumerHeartbeat> = {}) {
    return this.ask(joining(memberId, topics, more));
  }

  answerTo(call: CallId): ConsumerHeartbeatAnswer | undefined {
    return this.#answers.get(call);
  }

  get unansweredCount(): number {
    return this.#calls - this.#answers.size;
  }

  /** An assignment as `topic-partition`, sorted. */
  names(assignment: Assignment | null | undefined): string[] {
    const nameOf = new Map([...this.topics.values()].map(({ id, name }) => [id, name]));
    return [...(assignment ?? [])]
      .flatMap(([id, partitions]) => partitions.map((one) => `${nameOf.get(id) ?? id}-${one}`))
      .toSorted();
  }

  advance(durationMs: number): void {
    const untilMs = this.elapsedMs + durationMs;
    while (this.group.wakeAtMs <= untilMs) {
      this.elapsedMs = Math.max(this.elapsedMs, this.group.wakeAtMs);
      this.step({ kind: "tick" });
    }
    this.elapsedMs = untilMs;
  }

  get unwrittenCount(): number {
    return this.#unwritten.length;
  }

  /** A write may fail, and its records lie in the log all the same. */
  finishWrites(error: ErrorCode | null = null, isKept = error === null): void {
    const writes = this.#unwritten;
    this.#unwritten = [];
    for (const { write, records } of writes) {
      if (isKept) this.log.push(...records);
      this.step({ kind: "written", write, error });
    }
  }

  /** The process dies: what was not written is gone, and waiting calls are never answered. */
  restart(): void {
    this.#unwritten = [];
    for (let call = 1; call <= this.#calls; call++) {
      if (!this.#answers.has(call)) this.#answers.set(call, lost);
    }
    const image = new ConsumerImage();
    for (const bytes of this.log) {
      const record = readGroupRecord(bytes);
      const isOther = record === undefined || record.kind === "offset";
      if (!isOther && record.kind !== "classicGroup") image.apply(record);
    }
    this.group = new ConsumerGroup("g", this.#limits, image);
    this.#perform(this.group.startSessions(this.now));
  }

  step(event: ConsumerEvent): void {
    this.#perform(this.group.step(event, this.now));
  }

  #perform(effects: readonly ConsumerEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "writeRecords") {
        const records = effect.records.map(writeGroupRecord);
        this.#unwritten.push({ write: effect.write, records });
      } else {
        expect(this.#answers.has(effect.call), `call ${effect.call} is answered once`).toBe(false);
        this.#answers.set(effect.call, effect.answer);
      }
    }
    expect(this.#unwritten.length, "one write at a time").toBeLessThanOrEqual(1);
    if (this.writesAtOnce && this.#unwritten.length > 0) this.finishWrites();
  }
}

export function joining(
  memberId: string,
  topics: readonly string[],
  more: Partial<ConsumerHeartbeat> = {},
): Partial<ConsumerHeartbeat> {
  const empty = { ownedPartitions: new Map(), rebalanceTimeoutMs: 60_000 };
  return { memberId, memberEpoch: 0, subscribedTopics: topics, ...empty, ...more };
}

function topicId(number: number): string {
  return String(number).padStart(21, "T") + "A";
}

const lost: ConsumerHeartbeatAnswer = {
  error: "NETWORK_EXCEPTION",
  memberId: "",
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
  assignment: null,
};

const plainBeat: ConsumerHeartbeat = {
  memberId: "",
  memberEpoch: 0,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: -1,
  subscribedTopics: null,
  serverAssignor: null,
  ownedPartitions: null,
  clientId: "client",
  clientHost: "/127.0.0.1",
};
