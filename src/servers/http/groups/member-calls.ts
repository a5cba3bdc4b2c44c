import { XylemError } from "../../../base/errors.ts";
import { groupAck, type Acknowledged } from "../../../broker/groups/pull/group-ack.ts";
import { groupFetch } from "../../../broker/groups/pull/group-fetch.ts";
import { leaveGroup } from "../../../broker/groups/pull/pull-member.ts";
import { formatRecord } from "../records/format-record.ts";
import type { Call, HttpScope } from "../route.ts";
import { queriedLimits } from "../routes/read-records.ts";
import type * as schemas from "../schemas/group.ts";
import type { ValueOf } from "../schemas/schema.ts";

/** What members of a group ask, over HTTP and over a WebSocket. */

/** Members over HTTP, as the node's groups name them. */
const client = { clientId: "http", clientHost: "" };

/** The answer as JSON. Throws as `groupFetch`. */
export async function fetchAsMember(
  scope: HttpScope,
  group: string,
  body: ValueOf<typeof schemas.groupFetch>,
  { signal, room }: Pick<Call, "signal" | "room">,
): Promise<string> {
  await scope.loadGroups();
  const { broker, tools } = scope;
  const { topics, member, cursor, reset = "earliest", wait, max, maxBytes } = body;
  const query = {
    ...(max !== undefined && { limit: max }),
    ...(maxBytes !== undefined && { "max-bytes": maxBytes }),
    ...(wait !== undefined && { wait }),
  };
  const limits = queriedLimits(scope, { query, filters: new Map(), signal, room });
  const own = { group, topics, member, cursor, reset, ...client };
  const fetched = await groupFetch({ broker, tools }, { ...own, ...limits });
  const { epoch, assignment, hasJoined: joined } = fetched;
  const fields = { member: fetched.member, epoch, joined, assignment, cursor: fetched.cursor };
  const records = fetched.records.map(formatRecord).join(",");
  return `{"records":[${records}],${JSON.stringify(fields).slice(1)}`;
}

/** What is committed now. Throws as `groupAck`. */
export async function ackAsMember(
  scope: HttpScope,
  group: string,
  body: ValueOf<typeof schemas.groupAck>,
) {
  await scope.loadGroups();
  const { member } = body;
  const acknowledged = acknowledgedIn(body);
  const { epoch, positions } = await groupAck(
    scope.broker,
    { group, member, ...client },
    acknowledged,
  );
  return { member, epoch, offsets: positions };
}

/** Throws as `leaveGroup`. */
export async function leaveAsMember(
  scope: HttpScope,
  group: string,
  { member }: ValueOf<typeof schemas.groupMember>,
): Promise<void> {
  await scope.loadGroups();
  await leaveGroup(scope.broker, { group, member, ...client });
}

function acknowledgedIn({
  cursor,
  offsets,
  epoch,
}: ValueOf<typeof schemas.groupAck>): Acknowledged {
  const isOne = (cursor === undefined) !== (offsets === undefined);
  if (!isOne || (cursor !== undefined && epoch !== undefined)) {
    const detail = "an acknowledgement names a cursor, or offsets and perhaps their epoch";
    throw new XylemError("INVALID_REQUEST", detail);
  }
  return cursor === undefined ? { offsets: offsets ?? [], epoch } : { cursor };
}
