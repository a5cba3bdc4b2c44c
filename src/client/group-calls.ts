import type {
  GroupAcked,
  GroupDescription,
  GroupFetched,
  GroupList,
  GroupOffset,
  GroupPosition,
} from "./answers.ts";
import { consumeGroup, type ConsumeOptions, type RecordHandler } from "./consume-group.ts";
import { type NodeCalls, part, readNothing } from "./node-calls.ts";
import { type ListedRecord, readListed } from "./record-json.ts";
import { type From, formatFrom, formatWait } from "./where.ts";

export interface GroupFetch {
  readonly topics: readonly string[];
  /** The name that an earlier fetch answered, or one of your own. */
  readonly member?: string;
  /** Of the records that the member still has in hand. */
  readonly cursor?: string;
  readonly recordsMax?: number;
  readonly bytesMax?: number;
  readonly waitMs?: number;
  /** Where the group begins in a partition that is new to it; earliest. */
  readonly reset?: "earliest" | "latest";
  readonly signal?: AbortSignal;
}

/** What is done: all up to a cursor, or below single offsets. */
export type GroupAck =
  | { readonly member: string; readonly cursor: string }
  | {
      readonly member: string;
      readonly offsets: readonly GroupPosition[];
      readonly epoch?: number;
    };

export interface WantedPosition {
  readonly topic: string;
  readonly partition?: number;
  readonly offset: From;
}

const repeatable = { isRepeatable: true } as const;

/** Consumer groups, Kafka's among them (docs/groups.md). */
export class GroupCalls {
  readonly #calls: NodeCalls;

  constructor(calls: NodeCalls) {
    this.#calls = calls;
  }

  /** All of them, unless `isPartial` says that some nodes can not tell of theirs now. */
  list(signal?: AbortSignal): Promise<GroupList> {
    return this.#calls.json("GET", "/v1/groups", { ...repeatable, signal });
  }

  describe(group: string, signal?: AbortSignal): Promise<GroupDescription> {
    return this.#calls.json("GET", pathOf(group), { ...repeatable, signal });
  }

  /** A group without members, with its offsets. */
  async delete(group: string, signal?: AbortSignal): Promise<void> {
    await this.#calls.call("DELETE", pathOf(group), { signal }, readNothing);
  }

  /** Records for a member; the first fetch joins it. What was not acknowledged comes again. */
  async fetch(group: string, options: GroupFetch): Promise<GroupFetched> {
    const { recordsMax: max, bytesMax: maxBytes, waitMs, signal, ...named } = options;
    const json = { ...named, max, maxBytes, wait: formatWait(waitMs) };
    // Without a name each attempt would join another member.
    const call = { isRepeatable: named.member !== undefined, json, waitMs, signal };
    const path = `${pathOf(group)}/fetch`;
    const answer = await this.#calls.json<GroupFetched & { records: ListedRecord[] }>(
      "POST",
      path,
      call,
    );
    return { ...answer, records: answer.records.map(readListed) };
  }

  /** Durable when it resolves. With no offsets it is a sign of life alone. */
  ack(group: string, json: GroupAck, signal?: AbortSignal): Promise<GroupAcked> {
    return this.#calls.json("POST", `${pathOf(group)}/ack`, { ...repeatable, json, signal });
  }

  /** The member's partitions go to the others at once. */
  async leave(group: string, member: string, signal?: AbortSignal): Promise<void> {
    const call = { json: { member }, signal };
    await this.#calls.call("POST", `${pathOf(group)}/leave`, call, readNothing);
  }

  /**
   * Hands each record to `handler`, and acknowledges those only for which it resolved: every record
   * is handled at least once. Goes on until `signal` aborts, or until `handler` rejects: then with
   * its error, and the record comes again, here or to another member.
   */
  consume(group: string, options: ConsumeOptions, handler: RecordHandler): Promise<void> {
    return consumeGroup(this, { group, ...options }, handler);
  }

  /** How far the group is, and how far behind. */
  async offsets(group: string, signal?: AbortSignal): Promise<readonly GroupOffset[]> {
    const call = { ...repeatable, signal };
    const path = `${pathOf(group)}/offsets`;
    return (await this.#calls.json<{ offsets: GroupOffset[] }>("GET", path, call)).offsets;
  }

  /** Moves a group that has no members; makes one that is not there. */
  async moveOffsets(
    group: string,
    wanted: readonly WantedPosition[],
    signal?: AbortSignal,
  ): Promise<readonly GroupOffset[]> {
    const offsets = wanted.map((one) => ({
      ...one,
      offset:
        typeof one.offset === "number" && one.offset >= 0 ? one.offset : formatFrom(one.offset),
    }));
    const call = { ...repeatable, json: { offsets }, signal };
    const path = `${pathOf(group)}/offsets`;
    return (await this.#calls.json<{ offsets: GroupOffset[] }>("PUT", path, call)).offsets;
  }

  /** In topics that none of its members reads. */
  async forgetOffsets(
    group: string,
    place: { readonly topic?: string; readonly partition?: number } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const call = { query: { ...place }, signal };
    await this.#calls.call("DELETE", `${pathOf(group)}/offsets`, call, readNothing);
  }
}

function pathOf(group: string): string {
  return `/v1/groups/${part(group)}`;
}
