import { formatUuid, isZeroUuid } from "../../base/uuid.ts";
import type { ReceivedResponseOf } from "../../protocol/api-table.ts";
import { noUuid } from "../../protocol/schema/wire.ts";
import type { KafkaCluster } from "./kafka-cluster.ts";
import type { Aborted } from "./mirrored-batches.ts";
import type { PartitionCopy, Wish } from "./partition-copy.ts";
import { WireFailure } from "./wire-failure.ts";

const timestamps = { earliest: -2, latest: -1 } as const;
const readCommitted = 1;
const answerMsMax = 30_000;
const noBytes = new Uint8Array();
/** Of Produce: tagged fields, which say that batches keep their offsets (KIP-482). */
const taggedVersionMin = 9;
/** Of Fetch: topics by id (KIP-516). */
const topicIdVersionMin = 13;
const fetchVersionMax = 16;
/** Of Fetch: a source sees by the last epoch that it has cut back what was fetched (KIP-595). */
const lastEpochVersionMin = 12;

/** A partition's first or next offset; the latest is that of committed transactions. */
export async function listOffset(
  cluster: KafkaCluster,
  leaderId: number,
  { topic, index }: PartitionCopy,
  point: keyof typeof timestamps,
): Promise<number> {
  const partitions = [{ partitionIndex: index, timestamp: timestamps[point] }];
  const body = {
    replicaId: -1,
    isolationLevel: readCommitted,
    topics: [{ name: topic, partitions }],
  };
  const answer = await cluster.callNode(leaderId, "ListOffsets", body);
  const found = answer.topics[0]?.partitions[0];
  if (found === undefined) throw new WireFailure(`no ${point} offset was told`);
  if (found.errorCode !== 0) throw WireFailure.ofCode(found.errorCode, `the ${point} offset`);
  return Number(found.offset);
}

export interface FetchedBytes {
  readonly bytes: Uint8Array;
  readonly aborted: readonly Aborted[];
}

/** The batch that holds an offset. */
export async function fetchOnce(
  cluster: KafkaCluster,
  leaderId: number,
  copy: PartitionCopy,
  offset: number,
): Promise<FetchedBytes> {
  const one = { topic: copy.topic, topicId: noUuid, index: copy.index, position: offset };
  const body = fetchBody([{ ...one, ...noEpochs }], { sizeBytesMax: 1, waitMs: 0 });
  const answer = await cluster.callNode(leaderId, "Fetch", body);
  const code = answer.errorCode || (answer.responses[0]?.partitions[0]?.errorCode ?? 0);
  if (code !== 0) throw WireFailure.ofCode(code, `reading at offset ${offset}`);
  return fetchedBytes(answer.responses[0]?.partitions[0]);
}

type Wanted = Omit<Wish, "name" | "targetId">;

const noEpochs = { sourceEpoch: -1, last: { epoch: -1, next: -1 }, tellsEpochs: false };

interface FetchBounds {
  readonly sizeBytesMax: number;
  readonly waitMs: number;
}

/** Without a session. */
function fetchBody(wanted: readonly Wanted[], { sizeBytesMax, waitMs }: FetchBounds, version = 0) {
  const topics = [...Map.groupBy(wanted, ({ topic }) => topic)].map(([topic, own]) => {
    const partitions = own.map((one) => {
      const { index: partition, position: fetchOffset, sourceEpoch, last } = one;
      const tellsLast = one.tellsEpochs && version >= lastEpochVersionMin;
      return {
        partition,
        currentLeaderEpoch: sourceEpoch,
        fetchOffset,
        ...(tellsLast && { lastFetchedEpoch: last.epoch }),
        partitionMaxBytes: sizeBytesMax,
      };
    });
    return { topic, topicId: own[0]?.topicId ?? noUuid, partitions };
  });
  return {
    maxWaitMs: waitMs,
    minBytes: 1,
    maxBytes: sizeBytesMax,
    isolationLevel: readCommitted,
    topics,
    forgottenTopicsData: [],
  };
}

/** What a fetch answered for one partition. */
export type PartitionFetched =
  ReceivedResponseOf<"Fetch">["responses"][number]["partitions"][number];

/**
 * Fetches from one node; by topic ids where the source has them, so that a topic that was made
 * anew is never taken for the one of its name. Answers by "topic-partition".
 */
export async function fetchMany(
  source: KafkaCluster,
  leaderId: number,
  wanted: readonly Wish[],
  bounds: FetchBounds,
): Promise<ReadonlyMap<string, PartitionFetched>> {
  const hasIds = wanted.every(({ topicId }) => !isZeroUuid(topicId));
  const max = hasIds ? fetchVersionMax : topicIdVersionMin - 1;
  const body = (version: number) => fetchBody(wanted, bounds, version);
  const answer = await source.callNode(leaderId, "Fetch", body, { lane: "fetches", max });
  if (answer.errorCode !== 0) throw WireFailure.ofCode(answer.errorCode, "fetching at the source");
  const names = new Map(wanted.map(({ topic, topicId }) => [formatUuid(topicId), topic]));
  return new Map(
    answer.responses.flatMap(({ topic, topicId, partitions }) => {
      const name = topic === "" ? names.get(formatUuid(topicId)) : topic;
      return partitions.map((one) => [`${name}-${one.partitionIndex}`, one] as const);
    }),
  );
}

interface FetchedPartition {
  readonly records: Uint8Array | null;
  readonly abortedTransactions:
    | readonly { producerId: bigint | number; firstOffset: bigint | number }[]
    | null;
}

export function fetchedBytes(answer: FetchedPartition | undefined): FetchedBytes {
  const aborted = (answer?.abortedTransactions ?? []).map(({ producerId, firstOffset }) => {
    return { producerId, firstOffset: Number(firstOffset) };
  });
  return { bytes: answer?.records ?? noBytes, aborted };
}

/** Batches on their way to the end of a partition's log at the target. */
export interface MirroredAppend {
  readonly parts: readonly Uint8Array[];
  /** Where that log ends, else nothing is appended. */
  readonly from: number;
}

/** Rejects with WireFailure. */
export async function appendMirrored(
  target: KafkaCluster,
  copy: PartitionCopy,
  append: MirroredAppend,
): Promise<void> {
  const answer = await appendAll(target, copy.targetLeaderId, [{ copy, ...append }]);
  const failure = answer(copy);
  if (failure !== undefined) throw failure;
}

/** Sends one request; answers who was refused, and why. */
export async function appendAll(
  target: KafkaCluster,
  leaderId: number,
  appends: readonly (MirroredAppend & { readonly copy: PartitionCopy })[],
): Promise<(copy: PartitionCopy) => WireFailure | undefined> {
  const topicData = [...Map.groupBy(appends, ({ copy }) => copy.topic)].map(([name, own]) => {
    const partitionData = own.map(({ copy, parts: records, from: mirroredFrom }) => {
      return { index: copy.index, records, mirroredFrom };
    });
    return { name, partitionData };
  });
  const body = { acks: -1, timeoutMs: answerMsMax, topicData };
  const { responses } = await target.callNode(leaderId, "Produce", body, {
    lane: "appends",
    min: taggedVersionMin,
  });
  const refusals = new Map<string, WireFailure>();
  for (const { name, partitionResponses } of responses) {
    for (const { index, errorCode, errorMessage } of partitionResponses) {
      if (errorCode === 0) continue;
      const failure = WireFailure.ofCode(errorCode, "appending at the target", errorMessage);
      refusals.set(`${name}-${index}`, failure);
    }
  }
  return ({ name }) => refusals.get(name);
}
