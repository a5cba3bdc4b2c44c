import type { Consumer } from "@platformatic/kafka";
import { CommandFailure } from "./exit-codes.ts";
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
}

type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>;
type RecordsBatch = NonNullable<
  FetchResponse["responses"][number]["partitions"][number]["records"]
>[number];

const fetchWaitMs = 500;
const fetchSizeBytesMax = 8 * 1_024 * 1_024;
const partitionSizeBytesMax = 1_024 * 1_024;
const controlBatchBit = 0x20;

/** Records of a topic without a group, partition by partition as the broker hands them out. */
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
    leader: topic.partitions.find((partition) => partition.index === index)?.leader ?? -1,
  }));
  const isOpen = (position: Position): boolean => isLive || position.next < position.end;
  while (!signal.aborted && positions.some(isOpen)) {
    for (const leader of new Set(positions.filter(isOpen).map((position) => position.leader))) {
      const wanted = positions.filter((position) => isOpen(position) && position.leader === leader);
      const response = await fetchFrom(consumer, topic, { leader, wanted });
      for (const answered of response.responses[0]?.partitions ?? []) {
        const position = wanted.find(({ index }) => index === answered.partitionIndex);
        if (position === undefined) continue;
        for (const batch of answered.records ?? []) yield* recordsOf(batch, topic, position);
      }
      if (signal.aborted) return;
    }
  }
}

function fetchFrom(
  consumer: Consumer,
  topic: TopicOffsets,
  asked: { leader: number; wanted: readonly Position[] },
): Promise<FetchResponse> {
  if (asked.leader < 0) throw new CommandFailure(`a partition of ${topic.name} has no leader`);
  const partitions = asked.wanted.map((position) => ({
    partition: position.index,
    currentLeaderEpoch: -1,
    fetchOffset: position.next,
    lastFetchedEpoch: -1,
    partitionMaxBytes: partitionSizeBytesMax,
  }));
  return consumer.fetch({
    node: asked.leader,
    maxWaitTime: fetchWaitMs,
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
