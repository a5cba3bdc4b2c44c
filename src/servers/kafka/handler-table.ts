import type { XylemError } from "../../base/errors.ts";
import {
  type ApiName,
  apiNames,
  apiTable,
  type RequestOf,
  type ResponseOf,
} from "../../protocol/api-table.ts";
import type { MessageCodec } from "../../protocol/schema/message.ts";
import type { DoorHandler } from "./door-context.ts";
import { errorAnswers } from "./error-answers.ts";
import { alterConfigs } from "./handlers/alter-configs.ts";
import { alterPartitionReassignments } from "./handlers/alter-partition-reassignments.ts";
import { apiVersions } from "./handlers/api-versions.ts";
import { createPartitions } from "./handlers/create-partitions.ts";
import { createTopics } from "./handlers/create-topics.ts";
import { deleteGroups } from "./handlers/delete-groups.ts";
import { deleteRecords } from "./handlers/delete-records.ts";
import { deleteTopics } from "./handlers/delete-topics.ts";
import { describeCluster } from "./handlers/describe-cluster.ts";
import { describeConfigs } from "./handlers/describe-configs.ts";
import { describeGroups } from "./handlers/describe-groups.ts";
import { describeLogDirs } from "./handlers/describe-log-dirs.ts";
import { describeProducers } from "./handlers/describe-producers.ts";
import { describeTopicPartitions } from "./handlers/describe-topic-partitions.ts";
import { electLeaders } from "./handlers/elect-leaders.ts";
import { fetch } from "./handlers/fetch.ts";
import { findCoordinator } from "./handlers/find-coordinator.ts";
import { heartbeat } from "./handlers/heartbeat.ts";
import { incrementalAlterConfigs } from "./handlers/incremental-alter-configs.ts";
import { initProducerId } from "./handlers/init-producer-id.ts";
import { joinGroup } from "./handlers/join-group.ts";
import { leaveGroup } from "./handlers/leave-group.ts";
import { listGroups } from "./handlers/list-groups.ts";
import { listOffsets } from "./handlers/list-offsets.ts";
import { listPartitionReassignments } from "./handlers/list-partition-reassignments.ts";
import { metadata } from "./handlers/metadata.ts";
import { offsetCommit } from "./handlers/offset-commit.ts";
import { offsetDelete } from "./handlers/offset-delete.ts";
import { offsetFetch } from "./handlers/offset-fetch.ts";
import { offsetForLeaderEpoch } from "./handlers/offset-for-leader-epoch.ts";
import { produce } from "./handlers/produce.ts";
import { syncGroup } from "./handlers/sync-group.ts";
import { updateFeatures } from "./handlers/update-features.ts";
import type { Sharing } from "./request-order.ts";

/** Every API of the table has its handler: the compiler sees to it. */
type Handlers = { readonly [Name in ApiName]: DoorHandler<RequestOf<Name>, ResponseOf<Name>> };

const handlers: Handlers = {
  AlterConfigs: alterConfigs,
  AlterPartitionReassignments: alterPartitionReassignments,
  ApiVersions: apiVersions,
  CreatePartitions: createPartitions,
  CreateTopics: createTopics,
  DeleteGroups: deleteGroups,
  DeleteRecords: deleteRecords,
  DeleteTopics: deleteTopics,
  DescribeCluster: describeCluster,
  DescribeConfigs: describeConfigs,
  DescribeGroups: describeGroups,
  DescribeLogDirs: describeLogDirs,
  DescribeProducers: describeProducers,
  DescribeTopicPartitions: describeTopicPartitions,
  ElectLeaders: electLeaders,
  Fetch: fetch,
  FindCoordinator: findCoordinator,
  Heartbeat: heartbeat,
  IncrementalAlterConfigs: incrementalAlterConfigs,
  InitProducerId: initProducerId,
  JoinGroup: joinGroup,
  LeaveGroup: leaveGroup,
  ListGroups: listGroups,
  ListOffsets: listOffsets,
  ListPartitionReassignments: listPartitionReassignments,
  Metadata: metadata,
  OffsetCommit: offsetCommit,
  OffsetDelete: offsetDelete,
  OffsetFetch: offsetFetch,
  OffsetForLeaderEpoch: offsetForLeaderEpoch,
  Produce: produce,
  SyncGroup: syncGroup,
  UpdateFeatures: updateFeatures,
};

const sharings: { readonly [Name in ApiName]?: Sharing } = {
  Produce: "append",
  Fetch: "fetch",
  JoinGroup: "wait",
  SyncGroup: "wait",
  ElectLeaders: "wait",
};

/** One API as the connection serves it. */
export interface Route {
  readonly name: ApiName;
  readonly key: number;
  readonly request: MessageCodec;
  readonly response: MessageCodec;
  readonly sharing: Sharing;
  readonly handle: DoorHandler<unknown, unknown>;
  /** The answer of a request that failed as a whole. */
  answerError(request: unknown, error: XylemError, version: number): unknown;
}

const routes: (Route | undefined)[] = [];
for (const name of apiNames) {
  const { key, request, response } = apiTable[name];
  routes[key] = {
    name,
    key,
    request,
    response,
    sharing: sharings[name] ?? "alone",
    handle: handlers[name] as DoorHandler<unknown, unknown>,
    answerError: errorAnswers[name] as Route["answerError"],
  };
}

/** The route of an API key; undefined when it is not served. */
export function findRoute(key: number): Route | undefined {
  return routes[key];
}
