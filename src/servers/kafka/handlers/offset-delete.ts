import { kafkaCode, type ErrorCode } from "../../../base/errors.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"OffsetDelete">;
type Response = ResponseOf<"OffsetDelete">;

/** OffsetDelete (key 47): offsets of topics that nobody in the group subscribes to. */
export async function offsetDelete(
  request: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const exists = (topic: string, partition: number): boolean =>
    broker.topics.find(topic)?.partitions[partition] !== undefined;
  const wanted = request.topics.flatMap(({ name: topic, partitions }) =>
    partitions
      .map(({ partitionIndex: partition }) => ({ topic, partition }))
      .filter(({ partition }) => exists(topic, partition)),
  );
  const { error, errors } = await broker.groups.deleteOffsets(request.groupId, wanted);
  if (error !== null) return { errorCode: kafkaCode(error), topics: [] };
  let next = 0;
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => {
      const isKnown = exists(name, partitionIndex);
      const failure = isKnown ? (errors[next++] ?? null) : "UNKNOWN_TOPIC_OR_PARTITION";
      return { partitionIndex, errorCode: codeOf(failure) };
    }),
  }));
  return { errorCode: 0, topics };
}

function codeOf(error: ErrorCode | null): number {
  return error === null ? 0 : kafkaCode(error);
}
