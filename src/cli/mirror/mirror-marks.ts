import type { KafkaCluster } from "./kafka-cluster.ts";
import { WireFailure } from "./wire-failure.ts";

/** What the target keeps of where a partition's records come from. */
export interface Mark {
  readonly sourceId: string;
  /** The source's log start when the copy began. */
  readonly start: number;
}

/**
 * A partition's mark is the metadata of an offset of a group at the target: any tool lists and
 * deletes; its offset is how far the copy is.
 */
export class MirrorMarks {
  readonly #target: KafkaCluster;
  readonly group: string;
  #marks: Promise<Map<string, Mark>> | undefined;
  /** Offsets as they were committed last. */
  readonly #written = new Map<string, number>();

  constructor(target: KafkaCluster, sourceClusterId: string) {
    this.#target = target;
    this.group = `xylem-mirror-${sourceClusterId}`;
  }

  async find(topic: string, index: number): Promise<Mark | undefined> {
    return (await this.#load()).get(`${topic}-${index}`);
  }

  /** What was read is asked again: the target may have lost or deleted it. */
  forget(): void {
    this.#marks = undefined;
  }

  async write(
    [topic, index]: readonly [string, number],
    offset: number,
    mark: Mark,
  ): Promise<void> {
    const metadata = formatMark(mark);
    await commitOffsets(this.#target, this.group, [{ topic, index, offset, metadata }]);
    (await this.#load()).set(`${topic}-${index}`, mark);
    this.#written.set(`${topic}-${index}`, offset);
  }

  /** Tells how far the copies are, where they have marks. */
  async writeProgress(copies: readonly MarkedCopy[]): Promise<void> {
    const marks = await this.#load();
    const news = copies.flatMap(({ topic, index, name, sameUpTo: offset }) => {
      const mark = marks.get(name);
      if (mark === undefined || offset === undefined) return [];
      if (this.#written.get(name) === offset) return [];
      return [{ topic, index, offset, metadata: formatMark(mark) }];
    });
    if (news.length === 0) return;
    await commitOffsets(this.#target, this.group, news);
    for (const { topic, index, offset } of news) this.#written.set(`${topic}-${index}`, offset);
  }

  async #load(): Promise<Map<string, Mark>> {
    const marks = (this.#marks ??= this.#read());
    try {
      return await marks;
    } catch (error) {
      if (this.#marks === marks) this.#marks = undefined;
      throw error;
    }
  }

  async #read(): Promise<Map<string, Mark>> {
    const marks = new Map<string, Mark>();
    for (const { topic, index, metadata } of await fetchOffsets(this.#target, this.group)) {
      const [version, sourceId, start] = (metadata ?? "").split(" ");
      if (version !== "1" || sourceId === undefined) continue;
      marks.set(`${topic}-${index}`, { sourceId, start: Number(start) });
    }
    return marks;
  }
}

interface MarkedCopy {
  readonly topic: string;
  readonly index: number;
  readonly name: string;
  readonly sameUpTo: number | undefined;
}

function formatMark({ sourceId, start }: Mark): string {
  return `1 ${sourceId} ${start}`;
}

export interface GroupOffset {
  readonly topic: string;
  readonly index: number;
  readonly offset: number;
  readonly metadata: string | null;
}

/** All offsets that a group has committed. */
export async function fetchOffsets(cluster: KafkaCluster, group: string): Promise<GroupOffset[]> {
  const body = { groupId: group, topics: null };
  const answer = await cluster.callCoordinator(group, "OffsetFetch", body);
  if (answer.errorCode !== 0) throw WireFailure.ofCode(answer.errorCode, "offsets");
  return answer.topics.flatMap(({ name: topic, partitions }) =>
    partitions.flatMap(({ partitionIndex: index, committedOffset, metadata, errorCode }) => {
      const offset = Number(committedOffset);
      return errorCode === 0 && offset >= 0 ? [{ topic, index, offset, metadata }] : [];
    }),
  );
}

/**
 * Commits for a group that has no members; the leader epochs of another cluster say nothing here.
 * Throws WireFailure: UNKNOWN_MEMBER_ID and its like while the group has members.
 */
export async function commitOffsets(
  cluster: KafkaCluster,
  group: string,
  offsets: readonly GroupOffset[],
): Promise<void> {
  const byTopic = Map.groupBy(offsets, ({ topic }) => topic);
  const topics = [...byTopic].map(([name, own]) => {
    const partitions = own.map(({ index: partitionIndex, offset: committedOffset, metadata }) => {
      return { partitionIndex, committedOffset, committedMetadata: metadata };
    });
    return { name, partitions };
  });
  const body = { groupId: group, memberId: "", topics };
  const answer = await cluster.callCoordinator(group, "OffsetCommit", body);
  for (const { partitions } of answer.topics) {
    const refused = partitions.find(({ errorCode }) => errorCode !== 0);
    if (refused !== undefined) throw WireFailure.ofCode(refused.errorCode, "committing");
  }
}
