import { kafkaCode } from "../../../base/errors.ts";
import { refusedJoin } from "../../../groups/classic/classic-state.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { clientHost } from "../client-host.ts";
import type { DoorContext } from "../door-context.ts";
import { parkAnswer } from "../park-answer.ts";

type Request = RequestOf<"JoinGroup">;
type Response = ResponseOf<"JoinGroup">;

/** KIP-394 and KIP-814. */
const knownMemberIdVersionMin = 4;
const skipAssignmentVersionMin = 9;
const nullProtocolVersionMin = 7;

/** JoinGroup (key 11): answered when the join phase of the group ends. */
export async function joinGroup(request: Request, context: DoorContext): Promise<Response> {
  const { broker, apiVersion, clientId } = context;
  const { sessionTimeoutMs, rebalanceTimeoutMs } = request;
  const joining = broker.groups.join(request.groupId, {
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
  const early = refusedJoin("COORDINATOR_NOT_AVAILABLE", request.memberId);
  const answer = await parkAnswer(context, joining, early);
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
