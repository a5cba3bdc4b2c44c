import { kafkaCode } from "../../../base/errors.ts";
import { refusedSync } from "../../../groups/classic/classic-state.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { DoorContext } from "../door-context.ts";
import { parkAnswer } from "../park-answer.ts";

type Request = RequestOf<"SyncGroup">;
type Response = ResponseOf<"SyncGroup">;

const protocolVersionMin = 5;

/** SyncGroup (key 14): answered when the leader's assignments are durable. */
export async function syncGroup(request: Request, context: DoorContext): Promise<Response> {
  const { protocolType, protocolName, assignments } = request;
  const lacksProtocol = protocolType === null || protocolName === null;
  if (context.apiVersion >= protocolVersionMin && lacksProtocol) {
    const errorCode = kafkaCode("INCONSISTENT_GROUP_PROTOCOL");
    return { errorCode, assignment: new Uint8Array(0) };
  }
  const syncing = context.broker.groups.sync(request.groupId, {
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    generation: request.generationId,
    protocolType,
    protocolName,
    assignments,
  });
  const early = refusedSync("COORDINATOR_NOT_AVAILABLE");
  const answer = await parkAnswer(context, syncing, early);
  return {
    errorCode: answer.error === null ? 0 : kafkaCode(answer.error),
    protocolType: answer.protocolType,
    protocolName: answer.protocolName,
    assignment: answer.assignment,
  };
}
