import type { Consumer } from "@platformatic/kafka";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { explainFailure, isUnreadable } from "./kafka-clients.ts";
import type { ShownRecord } from "./record-format.ts";
import type { ReadSpan } from "./start-position.ts";
import type { TopicOffsets } from "./topic-offsets.ts";

export interface Reading {
  readonly topic: TopicOffsets;
  readonly partitions: readonly ReadSpan[];
  /** Goes on past the ends, waiting for records to come. */
  readonly isLive: boolean;
}

interface Position {
  readonly index: number;
  readonly leader: number;
  readonly end: bigint;
  next: bigint;
  /** Above 0: within so many bytes lies what can not be read, they are fetched batch by batch. */
  suspectBytes: number;
}

/** Partitions that one broker leads. */
interface Wanted {
  readonly leader: number;
  readonly positions: readonly Position[];
}

type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>;
type RecordsBatch = NonNullable<
  FetchResponse["responses"][number]["partitions"][number]["records"]
>[number];

const fetchWaitMs = 500;
const fetchSizeBytesMax = 8 * 1_024 * 1_024;
const partitionSizeBytesMax = 1_024 * 1_024;
const controlBatchBit = 0x20;

/**
 * Records of a topic without a group, partition by partition as the broker hands them out. A batch
 * that can not be read is a CommandFailure that says where it lies, behind all that is before it.
 */
export async function* readPartitions(
  consumer: Consumer,
  reading: Reading,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  const { topic, isLive } = reading;
  consumer.topics.track(topic.name);
  const positions = reading.partitions.map(({ index, from, end }): Position => ({
    index,
    end,
    next: from,
    suspectBytes: 0,
    leader: topic.partitions.find((partition) => partition.index === index)?.leader ?? -1,
  }));
  const isOpen = (position: Position): boolean => isLive || position.next < position.end;
  while (!signal.aborted && positions.some(isOpen)) {
    for (const leader of new Set(positions.filter(isOpen).map((position) => position.leader))) {
      const led = positions.filter((position) => isOpen(position) && position.leader === leader);
      const suspects = led.filter(({ suspectBytes }) => suspectBytes > 0);
      for (const suspect of suspects) yield* readBatch(consumer, topic, suspect);
      const others = led.filter((position) => !suspects.includes(position));
      if (others.length > 0) yield* readTogether(consumer, topic, { leader, positions: others });
      if (signal.aborted) return;
    }
  }
}

async function* readTogether(
  consumer: Consumer,
  topic: TopicOffsets,
  wanted: Wanted,
): AsyncGenerator<ShownRecord> {
  let response: FetchResponse;
  try {
    response = await fetchFrom(consumer, topic, { ...wanted, sizeBytesMax: partitionSizeBytesMax });
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    // The library drops all of an answer of which one batch does not open, and names none.
    for (const position of wanted.positions) position.suspectBytes = partitionSizeBytesMax;
    return;
  }
  for (const answered of response.responses[0]?.partitions ?? []) {
    const position = wanted.positions.find(({ index }) => index === answered.partitionIndex);
    if (position === undefined) continue;
    for (const batch of answered.records ?? []) yield* recordsOf(batch, topic, position);
  }
}

/** The next batch of one partition: a broker gives one whole, however little is asked for. */
async function* readBatch(
  consumer: Consumer,
  topic: TopicOffsets,
  position: Position,
): AsyncGenerator<ShownRecord> {
  const { leader, index, next } = position;
  let response: FetchResponse;
  try {
    const asked = { leader, positions: [position], sizeBytesMax: 1, waitMs: 0 };
    response = await fetchFrom(consumer, topic, asked);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const reason = explainFailure(error, "").message;
    const detail = `${topic.name}-${index} can not be read at offset ${next}: ${reason}`;
    throw new CommandFailure(detail, exitCodes.failed, error);
  }
  const batches = response.responses[0]?.partitions[0]?.records ?? [];
  if (batches.length === 0) position.suspectBytes = 0;
  for (const batch of batches) {
    position.suspectBytes -= batch.length;
    yield* recordsOf(batch, topic, position);
  }
}

function fetchFrom(
  consumer: Consumer,
  topic: TopicOffsets,
  asked: Wanted & { readonly sizeBytesMax: number; readonly waitMs?: number },
): Promise<FetchResponse> {
  if (asked.leader < 0) throw new CommandFailure(`a partition of ${topic.name} has no leader`);
  const partitions = asked.positions.map((position) => ({
    partition: position.index,
    currentLeaderEpoch: -1,
    fetchOffset: position.next,
    lastFetchedEpoch: -1,
    partitionMaxBytes: asked.sizeBytesMax,
  }));
  return consumer.fetch({
    node: asked.leader,
    maxWaitTime: asked.waitMs ?? fetchWaitMs,
    maxBytes: fetchSizeBytesMax,
    topics: [{ topicId: topic.id, partitions }],
  });
}

function* recordsOf(
  batch: RecordsBatch,
  topic: TopicOffsets,
  position: Position,
): Generator<ShownRecord> {
  const nextBatch = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
  const isControl = (batch.attributes & controlBatchBit) !== 0;
  for (const record of isControl ? [] : batch.records) {
    const offset = batch.firstOffset + BigInt(record.offsetDelta);
    if (offset < position.next) continue;
    position.next = offset + 1n;
    yield {
      topic: topic.name,
      partition: position.index,
      offset,
      timestampMs: batch.firstTimestamp + record.timestampDelta,
      key: record.key,
      value: record.value,
      headers: record.headers.map(([name, value]) => [String(name), value] as const),
    };
  }
  if (nextBatch > position.next) position.next = nextBatch;
}
