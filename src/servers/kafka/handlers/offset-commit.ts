import { kafkaCode } from "../../../base/errors.ts";
import { commitOffsets } from "../../../broker/groups/commit-offsets.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"OffsetCommit">;
type Response = ResponseOf<"OffsetCommit">;

const topicIdVersionMin = 10;
const unknownGroupVersionMin = 9;
/** KIP-848. */
const memberEpochVersionMin = 9;

/** OffsetCommit (key 8): answered when the offsets are durable. */
export async function offsetCommit(request: Request, context: RequestContext): Promise<Response> {
  const { apiVersion, broker } = context;
  const errors = await commitOffsets(broker, request.groupId, {
    committer: {
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationIdOrMemberEpoch,
      isOldVersion: apiVersion < memberEpochVersionMin,
    },
    offsets: request.topics.flatMap((topic) => offsetsOf(topic, apiVersion)),
    retentionMs: request.retentionTimeMs < 0 ? null : boundedMs(request.retentionTimeMs),
    unknownGroup:
      apiVersion >= unknownGroupVersionMin ? "GROUP_ID_NOT_FOUND" : "ILLEGAL_GENERATION",
  });
  let next = 0;
  const topics = request.topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }) => {
      const error = errors[next++] ?? null;
      return { partitionIndex, errorCode: error === null ? 0 : kafkaCode(error) };
    }),
  }));
  return { topics };
}

type AskedTopic = Request["topics"][number];

function offsetsOf(
  { name, topicId, partitions }: AskedTopic,
  apiVersion: number,
): Parameters<typeof commitOffsets>[2]["offsets"] {
  const topic = apiVersion >= topicIdVersionMin ? { id: topicId } : { name };
  return partitions.map((one) => ({
    topic,
    partition: one.partitionIndex,
    offset: one.committedOffset,
    leaderEpoch: one.committedLeaderEpoch,
    metadata: one.committedMetadata,
  }));
}

/** A time that is past what a timestamp can hold is as good as never. */
function boundedMs(retentionMs: number | bigint): number {
  return Math.min(Number(retentionMs), Number.MAX_SAFE_INTEGER / 2);
}
