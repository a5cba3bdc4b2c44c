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
  // Looked up once: a topic may come or go before the group has answered.
  const asked = request.topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition }) => {
      const isKnown = broker.topics.find(topic)?.partitions[partition] !== undefined;
      return { topic, partition, isKnown };
    }),
  );
  const known = asked.filter(({ isKnown }) => isKnown);
  const { error, errors } = await broker.groups.deleteOffsets(request.groupId, known);
  if (error !== null) return { errorCode: kafkaCode(error), topics: [] };
  let nextKnown = 0;
  const results = asked.map(({ isKnown }) =>
    isKnown ? codeOf(errors[nextKnown++] ?? null) : kafkaCode("UNKNOWN_TOPIC_OR_PARTITION"),
  );
  let next = 0;
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: results[next++] ?? 0,
    })),
  }));
  return { errorCode: 0, topics };
}

function codeOf(error: ErrorCode | null): number {
  return error === null ? 0 : kafkaCode(error);
}
