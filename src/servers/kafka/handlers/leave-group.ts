import { kafkaCode, type ErrorCode } from "../../../base/errors.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"LeaveGroup">;
type Response = ResponseOf<"LeaveGroup">;

const listVersionMin = 3;

/** LeaveGroup (key 13): one member up to version 2, a list from version 3. */
export async function leaveGroup(request: Request, context: RequestContext): Promise<Response> {
  const isList = context.apiVersion >= listVersionMin;
  const asked = isList ? request.members : [{ memberId: request.memberId, groupInstanceId: null }];
  const members = asked.map(({ memberId, groupInstanceId }) => ({
    memberId,
    instanceId: groupInstanceId,
  }));
  const { error, errors } = await context.broker.groups.leave(request.groupId, members);
  if (error !== null) return { errorCode: kafkaCode(error) };
  if (!isList) return { errorCode: codeOf(errors[0] ?? null) };
  return {
    errorCode: 0,
    members: asked.map(({ memberId, groupInstanceId }, index) => ({
      memberId,
      groupInstanceId,
      errorCode: codeOf(errors[index] ?? null),
    })),
  };
}

function codeOf(error: ErrorCode | null): number {
  return error === null ? 0 : kafkaCode(error);
}
