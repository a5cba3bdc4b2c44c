import { assert } from "../base/assert.ts";
import { AlterConfigsRequest, AlterConfigsResponse } from "./messages/alter-configs.ts";
import {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
} from "./messages/alter-partition-reassignments.ts";
import { ApiVersionsRequest, ApiVersionsResponse } from "./messages/api-versions.ts";
import { CreatePartitionsRequest, CreatePartitionsResponse } from "./messages/create-partitions.ts";
import { CreateTopicsRequest, CreateTopicsResponse } from "./messages/create-topics.ts";
import { DeleteGroupsRequest, DeleteGroupsResponse } from "./messages/delete-groups.ts";
import { DeleteRecordsRequest, DeleteRecordsResponse } from "./messages/delete-records.ts";
import { DeleteTopicsRequest, DeleteTopicsResponse } from "./messages/delete-topics.ts";
import { DescribeClusterRequest, DescribeClusterResponse } from "./messages/describe-cluster.ts";
import { DescribeConfigsRequest, DescribeConfigsResponse } from "./messages/describe-configs.ts";
import { DescribeGroupsRequest, DescribeGroupsResponse } from "./messages/describe-groups.ts";
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from "./messages/describe-log-dirs.ts";
import {
  DescribeProducersRequest,
  DescribeProducersResponse,
} from "./messages/describe-producers.ts";
import {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
} from "./messages/describe-topic-partitions.ts";
import { ElectLeadersRequest, ElectLeadersResponse } from "./messages/elect-leaders.ts";
import { FetchRequest, FetchResponse } from "./messages/fetch.ts";
import { FindCoordinatorRequest, FindCoordinatorResponse } from "./messages/find-coordinator.ts";
import { HeartbeatRequest, HeartbeatResponse } from "./messages/heartbeat.ts";
import {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from "./messages/incremental-alter-configs.ts";
import { InitProducerIdRequest, InitProducerIdResponse } from "./messages/init-producer-id.ts";
import { JoinGroupRequest, JoinGroupResponse } from "./messages/join-group.ts";
import { LeaveGroupRequest, LeaveGroupResponse } from "./messages/leave-group.ts";
import { ListGroupsRequest, ListGroupsResponse } from "./messages/list-groups.ts";
import { ListOffsetsRequest, ListOffsetsResponse } from "./messages/list-offsets.ts";
import {
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from "./messages/list-partition-reassignments.ts";
import { MetadataRequest, MetadataResponse } from "./messages/metadata.ts";
import { OffsetCommitRequest, OffsetCommitResponse } from "./messages/offset-commit.ts";
import { OffsetDeleteRequest, OffsetDeleteResponse } from "./messages/offset-delete.ts";
import { OffsetFetchRequest, OffsetFetchResponse } from "./messages/offset-fetch.ts";
import {
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
} from "./messages/offset-for-leader-epoch.ts";
import { ProduceRequest, ProduceResponse } from "./messages/produce.ts";
import { SyncGroupRequest, SyncGroupResponse } from "./messages/sync-group.ts";
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from "./messages/update-features.ts";
import type { MessageCodec } from "./schema/message.ts";
import { hasVersion, type VersionRange } from "./schema/versions.ts";
import type { Read, Written } from "./schema/wire.ts";

/** One API that the Kafka door serves. */
export interface ApiRow<Request extends MessageCodec, Response extends MessageCodec> {
  readonly key: number;
  readonly request: Request;
  readonly response: Response;
  /** Versions that are served: those of Kafka 4.3. */
  readonly served: VersionRange;
  /** Versions that ApiVersions tells: those served, but for Produce (see below). */
  readonly listed: VersionRange;
}

/**
 * Every API served, by Kafka's name. The ApiVersions answer, the handlers' table and
 * docs/protocol-support.md derive from it.
 */
export const apiTable = {
  /** Listed from 0: librdkafka reads a higher minimum as "no codecs, no headers". */
  Produce: { ...row(ProduceRequest, ProduceResponse, [3, 13]), listed: { min: 0, max: 13 } },
  Fetch: row(FetchRequest, FetchResponse, [4, 18]),
  ListOffsets: row(ListOffsetsRequest, ListOffsetsResponse, [1, 11]),
  Metadata: row(MetadataRequest, MetadataResponse, [0, 13]),
  OffsetCommit: row(OffsetCommitRequest, OffsetCommitResponse, [2, 10]),
  OffsetFetch: row(OffsetFetchRequest, OffsetFetchResponse, [1, 10]),
  FindCoordinator: row(FindCoordinatorRequest, FindCoordinatorResponse, [0, 6]),
  JoinGroup: row(JoinGroupRequest, JoinGroupResponse, [0, 9]),
  Heartbeat: row(HeartbeatRequest, HeartbeatResponse, [0, 4]),
  LeaveGroup: row(LeaveGroupRequest, LeaveGroupResponse, [0, 5]),
  SyncGroup: row(SyncGroupRequest, SyncGroupResponse, [0, 5]),
  DescribeGroups: row(DescribeGroupsRequest, DescribeGroupsResponse, [0, 6]),
  ListGroups: row(ListGroupsRequest, ListGroupsResponse, [0, 5]),
  ApiVersions: row(ApiVersionsRequest, ApiVersionsResponse, [0, 4]),
  CreateTopics: row(CreateTopicsRequest, CreateTopicsResponse, [2, 7]),
  DeleteTopics: row(DeleteTopicsRequest, DeleteTopicsResponse, [1, 6]),
  DeleteRecords: row(DeleteRecordsRequest, DeleteRecordsResponse, [0, 2]),
  InitProducerId: row(InitProducerIdRequest, InitProducerIdResponse, [0, 5]),
  OffsetForLeaderEpoch: row(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, [2, 4]),
  DescribeConfigs: row(DescribeConfigsRequest, DescribeConfigsResponse, [1, 4]),
  AlterConfigs: row(AlterConfigsRequest, AlterConfigsResponse, [0, 2]),
  DescribeLogDirs: row(DescribeLogDirsRequest, DescribeLogDirsResponse, [1, 5]),
  CreatePartitions: row(CreatePartitionsRequest, CreatePartitionsResponse, [0, 3]),
  DeleteGroups: row(DeleteGroupsRequest, DeleteGroupsResponse, [0, 2]),
  ElectLeaders: row(ElectLeadersRequest, ElectLeadersResponse, [0, 2]),
  IncrementalAlterConfigs: row(
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
    [0, 1],
  ),
  AlterPartitionReassignments: row(
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    [0, 1],
  ),
  ListPartitionReassignments: row(
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    [0, 0],
  ),
  OffsetDelete: row(OffsetDeleteRequest, OffsetDeleteResponse, [0, 0]),
  UpdateFeatures: row(UpdateFeaturesRequest, UpdateFeaturesResponse, [0, 2]),
  DescribeCluster: row(DescribeClusterRequest, DescribeClusterResponse, [0, 2]),
  DescribeProducers: row(DescribeProducersRequest, DescribeProducersResponse, [0, 0]),
  DescribeTopicPartitions: row(
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    [0, 0],
  ),
};

export type ApiName = keyof typeof apiTable;
export type ApiTable = typeof apiTable;

/** A request's body as a handler gets it: every field is there, absent ones with their default. */
export type RequestOf<Name extends ApiName> = Read<ApiTable[Name]["request"]>;
/** A response's body as a handler makes it: fields with a default may be left out. */
export type ResponseOf<Name extends ApiName> = Written<ApiTable[Name]["response"]>;

/** The same for the other side: what a client writes and reads. */
export type SentRequestOf<Name extends ApiName> = Written<ApiTable[Name]["request"]>;
export type ReceivedResponseOf<Name extends ApiName> = Read<ApiTable[Name]["response"]>;

export const apiNames = Object.keys(apiTable) as ApiName[];

export function isServed(name: ApiName, version: number): boolean {
  return hasVersion(apiTable[name].served, version);
}

function row<Request extends MessageCodec, Response extends MessageCodec>(
  request: Request,
  response: Response,
  [min, max]: readonly [number, number],
): ApiRow<Request, Response> {
  const served = { min, max };
  const { key } = request;
  assert(key !== undefined && key === response.key, `${request.name} and its response differ`);
  return { key, request, response, served, listed: served };
}
