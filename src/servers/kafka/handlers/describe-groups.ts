import { kafkaCode } from "../../../base/errors.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { describeConsumerGroup } from "../describe-consumer-group.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"DescribeGroups">;
type Response = ResponseOf<"DescribeGroups">;
type Described = Response["groups"][number];

const notFoundVersionMin = 6;

/** Operations on groups as bits: READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS. */
const allOperations = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11);

/** DescribeGroups (key 15): state and members of groups. */
export function describeGroups(request: Request, context: RequestContext): Response {
  const authorizedOperations = request.includeAuthorizedOperations
    ? { authorizedOperations: allOperations }
    : {};
  const groups = request.groups.map((groupId) => ({
    ...describeOne(groupId, context),
    ...authorizedOperations,
  }));
  return { groups };
}

function describeOne(groupId: string, { broker, apiVersion }: RequestContext): Described {
  const found = broker.groups.describe(groupId);
  if (found === undefined) return absent(groupId, apiVersion);
  if ("error" in found) return { ...nothing, groupId, errorCode: kafkaCode(found.error) };
  if (found.kind === "consumer") {
    return { errorCode: 0, groupId, ...describeConsumerGroup(broker, found) };
  }
  return {
    errorCode: 0,
    groupId,
    groupState: found.phase,
    protocolType: found.protocolType,
    protocolData: found.protocolName,
    members: found.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: member.metadata,
      memberAssignment: member.assignment,
    })),
  };
}

const nothing = { groupState: "", protocolType: "", protocolData: "", members: [] };

/** KIP-1043: an unknown group is an error from version 6, before it a dead group. */
function absent(groupId: string, apiVersion: number): Described {
  const dead = { ...nothing, groupId, groupState: "Dead" };
  if (apiVersion < notFoundVersionMin) return { ...dead, errorCode: 0 };
  const errorMessage = `Group ${groupId} not found.`;
  return { ...dead, errorCode: kafkaCode("GROUP_ID_NOT_FOUND"), errorMessage };
}
