import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { XylemError } from "../../../base/errors.ts";
import { listGroups } from "../../../broker/groups/describe-group.ts";
import { type Acknowledged, groupAck } from "../../../broker/groups/pull/group-ack.ts";
import { groupFetch } from "../../../broker/groups/pull/group-fetch.ts";
import {
  deleteGroup,
  forgetGroupPositions,
  groupPositions,
  resetGroup,
} from "../../../broker/groups/pull/group-positions.ts";
import { leaveGroup } from "../../../broker/groups/pull/pull-member.ts";
import type { StoredRecord } from "../../../broker/records/stored-record.ts";
import { type CallScope, clientId, shareKey } from "../call-scope.ts";
import type {
  AckRequest,
  FetchRequest,
  GroupProgressSchema,
  GroupService,
} from "../generated/xylem/v1/group_pb.ts";
import { LogEdge, type PartitionRecordsSchema } from "../generated/xylem/v1/record_pb.ts";
import { boundsOf, toNumber } from "../limits.ts";
import { toPosition, toRecordMessage } from "../record-messages.ts";

/** Members that call, as the node's groups name them. */
const client = { clientId, clientHost: "" };

/** GroupService: consumer groups for members that call. */
export function group(scope: CallScope): ServiceImpl<typeof GroupService> {
  const { broker } = scope;
  return {
    fetch: (request, context) => fetch(scope, request, context),
    async ack(request) {
      const member = { group: request.group, member: request.member, ...client };
      const { epoch, positions } = await groupAck(broker, member, acknowledgedIn(request));
      const offsets = positions.map((one) => ({ ...one, offset: BigInt(one.offset) }));
      return { epoch, offsets };
    },
    async leave({ group: name, member }) {
      await leaveGroup(broker, { group: name, member, ...client });
      return {};
    },
    getOffsets: async ({ group: name }) => ({ offsets: await progressOf(scope, name) }),
    async setOffsets({ group: name, positions }) {
      const wanted = positions.map(({ topic, partition, position }) => ({
        topic,
        partition,
        position: toPosition(position, "earliest"),
      }));
      await resetGroup(broker, name, wanted);
      return { offsets: await progressOf(scope, name) };
    },
    async deleteOffsets({ group: name, topic, partition }) {
      await forgetGroupPositions(broker, name, { topic: topic || undefined, partition });
      return {};
    },
    async listGroups() {
      const { groups, isPartial, missing } = await listGroups(broker);
      return {
        groups: groups.map((one) => ({ name: one.group, kind: one.type, state: one.state })),
        isPartial,
        missingNodes: missing.map(({ node }) => node),
      };
    },
    async deleteGroup({ group: name }) {
      await deleteGroup(broker, name);
      return {};
    },
  };
}

async function fetch(scope: CallScope, request: FetchRequest, context: HandlerContext) {
  const { group: name, topics, member, cursor, reset } = request;
  const fetched = await groupFetch(scope, {
    group: name,
    topics,
    member: member || undefined,
    cursor: cursor || undefined,
    reset: reset === LogEdge.LATEST ? "latest" : "earliest",
    ...client,
    ...boundsOf(request, scope.broker.settings, context),
    signal: AbortSignal.any([context.signal, scope.stopping]),
    room: context.values.get(shareKey),
  });
  return {
    member: fetched.member,
    epoch: fetched.epoch,
    joined: fetched.hasJoined,
    assignment: [...fetched.assignment],
    partitions: byPartition(fetched.records),
    cursor: fetched.cursor,
  };
}

/** Each partition's records come one after the other. */
function byPartition(records: readonly StoredRecord[]) {
  const groups = new Map<string, StoredRecord[]>();
  for (const record of records) {
    const place = `${record.topic}:${record.partition}`;
    const known = groups.get(place);
    if (known === undefined) groups.set(place, [record]);
    else known.push(record);
  }
  return [...groups.values()].map((own): MessageInitShape<typeof PartitionRecordsSchema> => {
    const { topic, partition } = own[0] as StoredRecord;
    return { topic, partition, records: own.map(toRecordMessage) };
  });
}

function acknowledgedIn({ cursor, offsets, epoch }: AckRequest): Acknowledged {
  const isOne = (cursor === "") !== (offsets.length === 0);
  if (!isOne || (cursor !== "" && epoch !== undefined)) {
    const detail = "an acknowledgement names a cursor, or offsets and perhaps their epoch";
    throw new XylemError("INVALID_REQUEST", detail);
  }
  if (cursor !== "") return { cursor };
  return {
    offsets: offsets.map(({ topic, partition, offset }) => ({
      topic,
      partition,
      offset: toNumber(offset, "offset"),
    })),
    epoch,
  };
}

async function progressOf({ broker }: CallScope, name: string) {
  const positions = await groupPositions(broker, name);
  return positions.map(
    ({ topic, partition, offset, end, lag }): MessageInitShape<typeof GroupProgressSchema> => ({
      topic,
      partition,
      offset: BigInt(offset),
      ...(end !== null && { end: BigInt(end) }),
      ...(lag !== null && { lag: BigInt(lag) }),
    }),
  );
}
