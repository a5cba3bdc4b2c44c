import type { ErrorCode } from "../../base/errors.ts";
import { joiningEpoch, leavingStaticEpoch, type ConsumerHeartbeat } from "./consumer-events.ts";

/** What is wrong with a heartbeat whatever the group is (semantics 9, checks 1 to 3). */
export function checkHeartbeat(
  request: ConsumerHeartbeat,
  assignors: readonly string[],
): ErrorCode | null {
  const { memberId, memberEpoch, instanceId, rackId, serverAssignor } = request;
  if (memberId === "" || instanceId === "" || rackId === "") return "INVALID_REQUEST";
  if (memberEpoch < leavingStaticEpoch) return "INVALID_REQUEST";
  if (memberEpoch === leavingStaticEpoch && instanceId === null) return "INVALID_REQUEST";
  if (memberEpoch === joiningEpoch && !canJoin(request)) return "INVALID_REQUEST";
  const isKnown = serverAssignor === null || assignors.includes(serverAssignor);
  return isKnown ? null : "UNSUPPORTED_ASSIGNOR";
}

/** Who joins holds nothing and says what it wants. */
function canJoin(request: ConsumerHeartbeat): boolean {
  const { rebalanceTimeoutMs, ownedPartitions, subscribedTopics } = request;
  return rebalanceTimeoutMs !== -1 && ownedPartitions?.size === 0 && subscribedTopics !== null;
}
