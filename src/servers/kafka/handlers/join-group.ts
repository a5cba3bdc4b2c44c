import { kafkaCode } from "../../../base/errors.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { clientHost } from "../client-host.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"JoinGroup">;
type Response = ResponseOf<"JoinGroup">;

/** KIP-394 and KIP-814. */
const knownMemberIdVersionMin = 4;
const skipAssignmentVersionMin = 9;
const nullProtocolVersionMin = 7;

/** JoinGroup (key 11): answered when the join phase of the group ends. */
export async function joinGroup(request: Request, context: RequestContext): Promise<Response> {
  const { broker, apiVersion, clientId } = context;
  const { sessionTimeoutMs, rebalanceTimeoutMs } = request;
  const answer = await broker.groups.join(request.groupId, {
    clientId,
    clientHost: clientHost(context),
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    sessionTimeoutMs,
    // Version 0 has no rebalance timeout: it is the session timeout.
    rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    protocolType: request.protocolType,
    protocols: request.protocols,
    requiresKnownMemberId: apiVersion >= knownMemberIdVersionMin,
    supportsSkippingAssignment: apiVersion >= skipAssignmentVersionMin,
  });
  const { protocolName } = answer;
  return {
    errorCode: answer.error === null ? 0 : kafkaCode(answer.error),
    generationId: answer.generation,
    protocolType: answer.protocolType,
    protocolName: apiVersion < nullProtocolVersionMin ? (protocolName ?? "") : protocolName,
    leader: answer.leader,
    ...(answer.skipAssignment ? { skipAssignment: true } : {}),
    memberId: answer.memberId,
    members: answer.members.map(({ memberId, instanceId, metadata }) => ({
      memberId,
      groupInstanceId: instanceId,
      metadata,
    })),
  };
}
