import { kafkaCode } from "../../../base/errors.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

/** Heartbeat (key 12): a member is alive, and learns whether the group rebalances. */
export async function heartbeat(
  request: RequestOf<"Heartbeat">,
  { broker }: RequestContext,
): Promise<ResponseOf<"Heartbeat">> {
  const error = await broker.groups.heartbeat(request.groupId, {
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    generation: request.generationId,
  });
  return { errorCode: error === null ? 0 : kafkaCode(error) };
}
