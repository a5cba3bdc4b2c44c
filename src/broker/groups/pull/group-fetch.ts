import { XylemError } from "../../../base/errors.ts";
import type { StopSignal } from "../../../base/stop-signal.ts";
import type { Broker } from "../../broker.ts";
import { placeOf as partitionPlace } from "../../cluster/partition-place.ts";
import { isMoved } from "../../forwarding/moved.ts";
import { type AnswerRoom, recordOverheadBytes } from "../../records/answer-room.ts";
import { findTopic } from "../../records/find-partition.ts";
import { resolveOffset } from "../../records/resolve-offset.ts";
import { readPage } from "../../records/read-page.ts";
import { ReaderCount } from "../../records/reader-count.ts";
import { contentBytes, type RecordScope, type StoredRecord } from "../../records/stored-record.ts";
import { formatMemberUuid } from "../member-uuid.ts";
import { atCoordinator } from "./at-coordinator.ts";
import { commitAs } from "./group-ack.ts";
import { formatGroupCursor, parseGroupCursor, type GroupCursor } from "./group-cursor.ts";
import {
  findMember,
  keepUp,
  ownPartitions,
  type OwnPartition,
  type PullMember,
  refusal,
} from "./pull-member.ts";
import { GroupChanges, PartitionNews, waitForNews } from "./wait-for-news.ts";

export interface GroupFetch {
  readonly group: string;
  /** What the member subscribes to from now on. */
  readonly topics: readonly string[];
  /** Absent: a new member, whose name the answer tells. */
  readonly member?: string | undefined;
  /**
   * That of an earlier answer whose records are still in hand: what comes is behind it. Absent:
   * whatever is not acknowledged comes again.
   */
  readonly cursor?: string | undefined;
  /** Records, at least 1. */
  readonly limit: number;
  /** Of keys, values and headers; the first record comes whole whatever its size. */
  readonly maxBytes: number;
  /** How long it waits while there is no record. */
  readonly waitMs: number;
  /** Where the group begins in a partition that it has never acknowledged anything of. */
  readonly reset: "earliest" | "latest";
  readonly clientId: string;
  readonly clientHost: string;
  /** Aborted: the answer is what there is so far. */
  readonly signal?: StopSignal | undefined;
  /** Where the records count; absent: nowhere. */
  readonly room?: AnswerRoom | undefined;
}

export interface GroupFetched {
  readonly member: string;
  readonly epoch: number;
  /** The member was not in the group before: it is new, or was taken for gone. */
  readonly hasJoined: boolean;
  readonly assignment: readonly { readonly topic: string; readonly partitions: number[] }[];
  readonly records: readonly StoredRecord[];
  /** To acknowledge all that was handed out up to here, or to fetch what is behind it. */
  readonly cursor: string;
}

const memberLengthMax = 255;
/** How often a fetch looks again because its member has moved on in the middle of it. */
const overtakenMax = 5;

/**
 * The next records for a member of a group. It joins with its first fetch, and each call is a sign
 * of life. Where it goes on is the cursor that it names, else what the group has acknowledged: the
 * broker keeps nothing of it, so that no answer can be lost on the way. Throws
 * UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST, INCONSISTENT_GROUP_PROTOCOL for a group of classic
 * members, and UNKNOWN_MEMBER_ID when the member leaves meanwhile, or is taken for gone.
 */
export async function groupFetch(scope: RecordScope, ask: GroupFetch): Promise<GroupFetched> {
  const { group, signal, waitMs, room, ...more } = ask;
  // Named here: a second try is the same member's.
  const member = memberOf(scope.broker, ask);
  return await atCoordinator(scope.broker, group, {
    use: "fetch",
    ask: { ...more, group, waitMs, member },
    here: () => fetchHere(scope, { ...ask, member }),
    read: (told, records) => ({ ...(told as Omit<GroupFetched, "records">), records }),
    reading: { room, waitMs, maxBytes: ask.maxBytes },
    signal,
  });
}

/** Of a group that this node coordinates. */
export async function fetchHere(
  scope: RecordScope,
  ask: GroupFetch & { readonly member: string },
): Promise<GroupFetched> {
  const { broker } = scope;
  for (const topic of ask.topics) findTopic(broker, topic);
  if (ask.topics.length === 0) throw new XylemError("INVALID_REQUEST", "there are no topics");
  const inHand = ask.cursor === undefined ? undefined : parseGroupCursor(ask.cursor);
  const { group, member, clientId, clientHost } = ask;
  const pull = { group, member, clientId, clientHost };
  return await new Pulling(scope, ask, { pull, inHand }).run();
}

function memberOf(broker: Broker, { member }: GroupFetch): string {
  if (member === undefined) return formatMemberUuid(broker.random.bytes(16));
  if (member.length > 0 && member.length <= memberLengthMax) return member;
  const detail = `a member's name has 1 to ${memberLengthMax} characters`;
  throw new XylemError("INVALID_REQUEST", detail);
}

/** A partition with the offset at which the member goes on. */
interface Position {
  readonly own: OwnPartition;
  offset: number;
}

class Pulling {
  readonly #scope: RecordScope;
  readonly #ask: GroupFetch;
  readonly #pull: PullMember;
  readonly #inHand: GroupCursor | undefined;
  readonly #records: StoredRecord[] = [];
  readonly #endMs: number;
  /** What is heard of the member's partitions while it waits. */
  readonly #news: PartitionNews;
  #bytesLeft: number;
  #hasJoined = false;
  #mayJoin = true;

  constructor(
    scope: RecordScope,
    ask: GroupFetch,
    from: { readonly pull: PullMember; readonly inHand: GroupCursor | undefined },
  ) {
    this.#scope = scope;
    this.#ask = ask;
    this.#pull = from.pull;
    this.#inHand = from.inHand;
    this.#news = new PartitionNews(scope.broker);
    this.#bytesLeft = ask.maxBytes;
    this.#endMs = scope.broker.clock.monotonicMs() + ask.waitMs;
  }

  async run(): Promise<GroupFetched> {
    try {
      return await this.#run();
    } finally {
      this.#news.stop();
    }
  }

  async #run(): Promise<GroupFetched> {
    let overtakenCount = 0;
    for (;;) {
      const kept = await keepUp(this.#broker, this.#pull, {
        topics: this.#ask.topics,
        inHand: this.#inHand,
        mayJoin: this.#mayJoin,
      });
      this.#hasJoined ||= kept.hasJoined;
      this.#mayJoin = kept.mayJoin;
      const changes = new GroupChanges(this.#broker, this.#pull.group);
      try {
        const answer = await this.#look(changes);
        if (answer !== undefined) return answer;
      } catch (error) {
        if (!isOvertaken(error) || ++overtakenCount > overtakenMax) throw error;
      } finally {
        changes.stop();
      }
    }
  }

  /** Undefined: there was nothing, but there is time left to look again. */
  async #look(changes: GroupChanges): Promise<GroupFetched | undefined> {
    const { signal } = this.#ask;
    const known = findMember(this.#broker, this.#pull);
    // Out since: the next look says so.
    if (known === undefined && !this.#mayJoin) return undefined;
    const epoch = known?.member.epoch ?? 0;
    const positions = await this.#positions(epoch);
    await this.#read(positions);
    const waitMs = this.#endMs - this.#broker.clock.monotonicMs();
    const isOver = waitMs <= 0 || signal?.aborted === true;
    if (this.#records.length > 0 || isOver) return this.#answer(epoch, positions);
    const logs = positions.map(({ own, offset }) => ({ ...own, offset }));
    // The next sign of life is due before that.
    const beatMs = Math.min(waitMs, known?.machine.heartbeatIntervalMs ?? waitMs);
    const waiting = ReaderCount.of(this.#broker);
    waiting.enter();
    try {
      const heard = { changes, news: this.#news };
      await waitForNews(this.#broker, heard, { logs, waitMs: beatMs, signal });
    } finally {
      waiting.leave();
    }
    return undefined;
  }

  get #broker(): Broker {
    return this.#scope.broker;
  }

  /** Where the group has never been it begins now, durably: nothing slips by between two calls. */
  async #positions(epoch: number): Promise<readonly Position[]> {
    const known: Position[] = [];
    const begun: Position[] = [];
    for (const own of ownPartitions(this.#broker, this.#pull)) {
      const offset = this.#inHandOf(own) ?? this.#committed(own);
      if (offset !== undefined) known.push({ own, offset });
      else if (isLed(this.#broker, own)) begun.push({ own, offset: await this.#beginning(own) });
    }
    const positions = begun.map(({ own, offset }) => ({ ...placeOf(own), offset }));
    if (begun.length > 0) await commitAs(this.#broker, this.#pull, { epoch, positions });
    return [...known, ...begun];
  }

  /** A cursor counts where the member has kept the partition since. */
  #inHandOf({ topic, partition, sinceEpoch }: OwnPartition): number | undefined {
    if (this.#inHand === undefined || this.#inHand.epoch < sinceEpoch) return undefined;
    return this.#inHand.positions.find(
      (one) => one.topic === topic.name && one.partition === partition,
    )?.offset;
  }

  #committed({ topic, partition }: OwnPartition): number | undefined {
    const wanted = [{ topic: topic.name, partition, topicId: topic.id }];
    const { error, offsets } = this.#broker.groups.fetchOffsets(this.#pull.group, wanted);
    // Nothing is known of it: that is not to be taken for a group that has never been there.
    if (error !== null) throw refusal(this.#pull, error);
    const [found] = offsets;
    return found === undefined || found.offset < 0 ? undefined : found.offset;
  }

  async #beginning({ topic, partition }: OwnPartition): Promise<number> {
    const log = topic.partitions[partition];
    if (log === undefined) return 0;
    return (await resolveOffset(this.#broker, { topic, log }, this.#ask.reset)).offset;
  }

  /**
   * Begins with another partition each time, so that none waits behind a busy one for ever. What
   * one of them fails with is thrown only where none has records: the others go on.
   */
  async #read(positions: readonly Position[]): Promise<void> {
    const first = positions.length > 0 ? this.#broker.random.nextUint32() % positions.length : 0;
    let failure: XylemError | undefined;
    for (let index = 0; index < positions.length; index++) {
      const left = this.#ask.limit - this.#records.length;
      if (left <= 0 || this.#bytesLeft <= 0) return;
      const position = positions[(first + index) % positions.length] as Position;
      if (!isLed(this.#broker, position.own)) continue;
      try {
        await this.#readOne(position, left);
      } catch (error) {
        if (!(error instanceof XylemError)) throw error;
        // Its records come once another node leads it.
        if (!isMoved(error)) failure ??= error;
      }
    }
    if (failure !== undefined && this.#records.length === 0) throw failure;
  }

  async #readOne(position: Position, limit: number): Promise<void> {
    const { topic, partition } = position.own;
    const { room } = this.#ask;
    const sight = this.#news.sightOf(topic, partition);
    await sight?.load();
    if (sight === undefined || sight.bounds?.lastStable === position.offset) return;
    const page = await readPage(this.#scope.broker, this.#scope.tools, {
      ...placeOf(position.own),
      position: position.offset,
      limit,
      maxBytes: this.#bytesLeft,
      waitMs: 0,
      reset: this.#ask.reset,
      room,
    });
    const sizeBytes = sizeOf(page.records);
    // Beside what others have handed out already, a large first record of this one may wait.
    if (this.#records.length > 0 && sizeBytes > this.#bytesLeft) {
      room?.giveBack(sizeBytes + page.records.length * recordOverheadBytes);
      return;
    }
    if (page.nextOffset === position.offset) sight.doubt();
    this.#records.push(...page.records);
    this.#bytesLeft -= sizeBytes;
    position.offset = page.nextOffset;
  }

  #answer(epoch: number, positions: readonly Position[]): GroupFetched {
    const byTopic = Map.groupBy(positions, ({ own }) => own.topic.name);
    return {
      member: this.#pull.member,
      epoch,
      hasJoined: this.#hasJoined,
      assignment: [...byTopic].map(([topic, some]) => ({
        topic,
        partitions: some.map(({ own }) => own.partition).toSorted((one, other) => one - other),
      })),
      records: this.#records,
      cursor: formatGroupCursor({ epoch, positions: this.#handedOut(positions) }),
    };
  }

  /** What is no further than what is acknowledged need not be told. */
  #handedOut(positions: readonly Position[]): GroupCursor["positions"] {
    return positions
      .filter(({ own, offset }) => offset !== this.#committed(own))
      .map(({ own, offset }) => ({ ...placeOf(own), offset }));
  }
}

/** Another call of the same member, or the clock, came between: look again. */
function isOvertaken(error: unknown): boolean {
  if (!(error instanceof XylemError)) return false;
  return error.code === "STALE_MEMBER_EPOCH" || error.code === "UNKNOWN_MEMBER_ID";
}

/** In a cluster a partition may be nobody's at the moment: the others are read all the same. */
function isLed(broker: Broker, { topic, partition }: OwnPartition): boolean {
  const log = topic.partitions[partition];
  return log === undefined || partitionPlace(broker, topic.id, log).error === undefined;
}

function placeOf({ topic, partition }: OwnPartition): { topic: string; partition: number } {
  return { topic: topic.name, partition };
}

function sizeOf(records: readonly StoredRecord[]): number {
  return records.reduce((sum, record) => sum + contentBytes(record), 0);
}
