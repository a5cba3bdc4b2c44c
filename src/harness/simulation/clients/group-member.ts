import type { Random } from "../../../base/random.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { drawBetween, drawOneIn } from "../../../simulation/draw.ts";
import { errorName } from "../error-name.ts";
import type { Client } from "../simulated-client.ts";
import { keyOf, type KnownTopic, type Target, type World } from "../world.ts";
import { expectNoAnswer } from "./producer.ts";
import { fetchFrom, listOffset } from "./read-partition.ts";

const group = "g";
const protocolName = "range";
const protocolType = "consumer";
const pauseMsMax = 1_500;
const sessionTimeoutMs = 8_000;

/** Errors after which a member joins again, with its id or without. */
const rejoin = new Set(["REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION"]);
const forget = new Set(["UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID"]);

/** A member of a consumer group over one topic: reads its partitions and commits what it read. */
export class GroupMember {
  readonly #world: World;
  readonly #name: string;
  readonly #topic: KnownTopic;
  readonly #random: Random;
  readonly #client: Client;
  #memberId = "";
  #generation = -1;
  #positions = new Map<number, number>();

  constructor(world: World, name: string, topic: KnownTopic) {
    this.#world = world;
    this.#name = name;
    this.#topic = topic;
    this.#random = world.fork(name);
    this.#client = world.client(name);
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      try {
        if (this.#generation < 0) await this.#join();
        else await this.#work();
      } catch (error) {
        expectNoAnswer(error);
      }
      await this.#world.sleep(drawBetween(this.#random, 100, pauseMsMax));
    }
    this.#client.close();
  }

  async #join(): Promise<void> {
    const answer = await this.#world.ask(this.#client, "JoinGroup", 9, {
      groupId: group,
      sessionTimeoutMs,
      rebalanceTimeoutMs: sessionTimeoutMs,
      memberId: this.#memberId,
      protocolType,
      protocols: [{ name: protocolName, metadata: encodeUtf8(this.#topic.name) }],
    });
    const error = errorName(answer.errorCode);
    if (error === "MEMBER_ID_REQUIRED") this.#memberId = answer.memberId;
    if (this.#failed("JoinGroup", error)) return;
    this.#memberId = answer.memberId;
    const members = answer.members.map(({ memberId }) => memberId);
    const isLeader = answer.leader === answer.memberId;
    await this.#sync(answer.generationId, isLeader ? members : []);
  }

  /** The leader deals the partitions out, one after the other. */
  async #sync(generationId: number, members: readonly string[]): Promise<void> {
    const partitions = Array.from({ length: this.#topic.partitions }, (_, index) => index);
    const assignments = members.map((memberId, at) => {
      const own = partitions.filter((index) => index % members.length === at);
      return { memberId, assignment: encodeUtf8(own.join(" ")) };
    });
    const ids = { groupId: group, generationId, memberId: this.#memberId };
    const body = { ...ids, protocolType, protocolName, assignments };
    const answer = await this.#world.ask(this.#client, "SyncGroup", 5, body);
    if (this.#failed("SyncGroup", errorName(answer.errorCode))) return;
    const own = decodeUtf8(answer.assignment).split(" ").filter(Boolean).map(Number);
    this.#world.record({
      kind: "owns",
      group,
      generation: generationId,
      member: this.#memberId,
      partitions: own.map((index) => keyOf(this.#target(index))),
    });
    this.#world.tell(this.#name, `generation ${generationId} has ${own.join(" ")}`);
    const positions = await this.#fetchOffsets(own);
    if (positions === undefined) return;
    this.#generation = generationId;
    this.#positions = positions;
  }

  async #fetchOffsets(own: readonly number[]): Promise<Map<number, number> | undefined> {
    const askedAt = this.#world.history.length;
    const topics = [{ name: this.#topic.name, partitionIndexes: own }];
    const body = { groups: [{ groupId: group, topics }], requireStable: true };
    const answer = await this.#world.ask(this.#client, "OffsetFetch", 9, body);
    const found = answer.groups[0];
    if (this.#failed("OffsetFetch", errorName(found?.errorCode ?? -1))) return undefined;
    const positions = new Map<number, number>();
    for (const part of found?.topics[0]?.partitions ?? []) {
      if (part.errorCode !== 0) return undefined;
      const offset = Number(part.committedOffset);
      const partition = keyOf(this.#target(part.partitionIndex));
      this.#world.record({ kind: "commitFetched", group, partition, offset, askedAt });
      positions.set(part.partitionIndex, Math.max(0, offset));
    }
    return positions;
  }

  async #work(): Promise<void> {
    const body = { groupId: group, generationId: this.#generation, memberId: this.#memberId };
    const beat = await this.#world.ask(this.#client, "Heartbeat", 4, body);
    if (this.#failed("Heartbeat", errorName(beat.errorCode))) return;
    for (const [index, from] of this.#positions) await this.#read(index, from);
    if (this.#positions.size > 0 && !drawOneIn(this.#random, 3)) await this.#commit();
  }

  async #read(index: number, from: number): Promise<void> {
    const target = this.#target(index);
    const outcome = await fetchFrom(this.#world, this.#client, this.#name, {
      target,
      from,
      waitMs: 0,
    });
    if (outcome.error === "NONE") this.#positions.set(index, outcome.next);
    if (outcome.error === "CORRUPT_MESSAGE") this.#positions.set(index, from + 1);
    if (outcome.error !== "OFFSET_OUT_OF_RANGE") return;
    const start = await listOffset(this.#world, this.#client, target, -2);
    if (start !== undefined) this.#positions.set(index, start);
  }

  async #commit(): Promise<void> {
    const numbers = new Map<number, number>();
    const partitions = [...this.#positions].map(([partitionIndex, committedOffset]) => {
      const commit = this.#world.nextCommit();
      numbers.set(partitionIndex, commit);
      const partition = keyOf(this.#target(partitionIndex));
      const asked = { group, partition, offset: committedOffset, commit };
      this.#world.record({ kind: "commitAsked", ...asked });
      return { partitionIndex, committedOffset, committedMetadata: null };
    });
    const ids = { groupId: group, generationIdOrMemberEpoch: this.#generation };
    const topics = [{ name: this.#topic.name, partitions }];
    const body = { ...ids, memberId: this.#memberId, topics };
    const answer = await this.#world.ask(this.#client, "OffsetCommit", 9, body);
    for (const part of answer.topics[0]?.partitions ?? []) {
      const error = errorName(part.errorCode);
      const commit = numbers.get(part.partitionIndex);
      if (this.#failed("OffsetCommit", error) || commit === undefined) continue;
      this.#world.record({ kind: "commitAcked", commit });
    }
    this.#world.tell(this.#name, `committed ${[...this.#positions].join(" ")}`);
  }

  #target(index: number): Target {
    return { topic: this.#topic, index };
  }

  /** Notes an error, and leaves the generation where it says so. */
  #failed(api: string, error: string): boolean {
    if (error === "NONE") return false;
    this.#world.record({ kind: "answer", api, error });
    if (forget.has(error)) this.#memberId = "";
    if (forget.has(error) || rejoin.has(error)) this.#generation = -1;
    return true;
  }
}
