import { kafkaCode } from "../../../base/errors.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"SyncGroup">;
type Response = ResponseOf<"SyncGroup">;

const protocolVersionMin = 5;

/** SyncGroup (key 14): answered when the leader's assignments are durable. */
export async function syncGroup(request: Request, context: RequestContext): Promise<Response> {
  const { protocolType, protocolName, assignments } = request;
  const lacksProtocol = protocolType === null || protocolName === null;
  if (context.apiVersion >= protocolVersionMin && lacksProtocol) {
    const errorCode = kafkaCode("INCONSISTENT_GROUP_PROTOCOL");
    return { errorCode, assignment: new Uint8Array(0) };
  }
  const answer = await context.broker.groups.sync(request.groupId, {
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    generation: request.generationId,
    protocolType,
    protocolName,
    assignments,
  });
  return {
    errorCode: answer.error === null ? 0 : kafkaCode(answer.error),
    protocolType: answer.protocolType,
    protocolName: answer.protocolName,
    assignment: answer.assignment,
  };
}
