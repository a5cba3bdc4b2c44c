import type { ServiceImpl } from "@connectrpc/connect";
import { XylemError } from "../../../base/errors.ts";
import { formatUuid } from "../../../base/uuid.ts";
import type { Broker } from "../../../broker/broker.ts";
import {
  type BucketDescription,
  configureBucket,
  createBucket,
  listBuckets,
} from "../../../broker/buckets/change-bucket.ts";
import { describeNodes, type NodeDescription } from "../../../broker/cluster/describe-nodes.ts";
import { controllerIdOf } from "../../../broker/cluster/partition-place.ts";
import { changeConfigs } from "../../../broker/configs/alter-resource-configs.ts";
import type { ConfigChange } from "../../../broker/configs/change-configs.ts";
import { describeConfigs } from "../../../broker/configs/config-resource.ts";
import { findTopic } from "../../../broker/records/find-partition.ts";
import { changeTopic } from "../../../broker/topics/change-topic.ts";
import { deleteTopic } from "../../../broker/topics/delete-topic.ts";
import { describeTopic } from "../../../broker/topics/describe-topic.ts";
import { ensureTopic } from "../../../broker/topics/ensure-topic.ts";
import { pageTopics, topicPageInitial, topicPageMax } from "../../../broker/topics/page-topics.ts";
import type { Topic } from "../../../broker/topics/topics.ts";
import {
  type AdminService,
  type ConfigChange as ConfigChangeMessage,
  type ConfigResource,
  ConfigResourceKind,
  type ListTopicsRequest,
} from "../generated/xylem/v1/admin_pb.ts";

/** AdminService: topics, buckets, configs, the cluster. */
export function admin(broker: Broker): ServiceImpl<typeof AdminService> {
  return {
    async ensureTopic({ name, partitions, configs, mustBeNew }) {
      const isThere = broker.topics.find(name) !== undefined;
      if (mustBeNew && isThere) throw notNew(name);
      const asked = { name, partitions: partitions || -1, replicas: -1, configs: toMap(configs) };
      const { topic, isNew } = await ensureTopic(broker, asked);
      if (mustBeNew && !isNew) throw notNew(name);
      return { topic: await toTopicMessage(broker, topic), isNew };
    },
    async getTopic({ name }) {
      return { topic: await toTopicMessage(broker, findTopic(broker, name)) };
    },
    listTopics: (request) => listTopics(broker, request),
    async updateTopic({ name, partitions, configs }) {
      const change = { name, partitions: partitions || undefined, configs: configs.map(toChange) };
      await changeTopic(broker, change);
      return { topic: await toTopicMessage(broker, findTopic(broker, name)) };
    },
    async deleteTopic({ name }) {
      await deleteTopic(broker, name);
      return {};
    },
    async createBucket({ name, configs }) {
      return { bucket: toBucketMessage(await createBucket(broker, name, toMap(configs))) };
    },
    async updateBucket({ name, configs }) {
      const bucket = await configureBucket(broker, name, configs.map(toChange));
      return { bucket: toBucketMessage(bucket) };
    },
    listBuckets: () => ({ buckets: listBuckets(broker).map(toBucketMessage) }),
    describeConfigs: ({ resource }) => ({
      configs: describeConfigs(toResource(resource), broker).map((config) => ({
        name: config.name,
        ...(config.value !== null && { value: config.value }),
        source: config.source,
        readOnly: config.isReadOnly,
        sensitive: config.isSensitive,
        help: config.help,
      })),
    }),
    async updateConfigs({ resource, configs, validateOnly }) {
      await changeConfigs(broker, toResource(resource), configs.map(toChange), { validateOnly });
      return {};
    },
    getCluster: () => {
      const { clusterId, nodeId } = broker.identity;
      const controllerId = controllerIdOf(broker);
      return { clusterId, nodeId, controllerId, nodes: describeNodes(broker).map(toNodeMessage) };
    },
  };
}

function listTopics(broker: Broker, { limit, ...ask }: Omit<ListTopicsRequest, "$typeName">) {
  const most = Math.min(limit > 0 ? limit : topicPageInitial, topicPageMax);
  const page = pageTopics(broker, { ...ask, limit: most });
  return {
    topics: page.topics.map(({ name, id, isInternal, partitions }) => ({
      name,
      id: formatUuid(id),
      internal: isInternal,
      partitions: partitions.length,
    })),
    next: page.next ?? "",
    isPartial: page.isPartial,
  };
}

async function toTopicMessage(broker: Broker, topic: Topic) {
  const described = await describeTopic(topic, broker, { segments: false });
  return {
    name: described.name,
    id: described.id,
    internal: described.isInternal,
    configs: described.configs,
    partitions: described.partitions.map((partition) => ({
      partition: partition.partition,
      logStart: BigInt(partition.logStart ?? -1),
      highWatermark: BigInt(partition.highWatermark ?? -1),
      lastStable: BigInt(partition.lastStable ?? -1),
      sizeBytes: BigInt(partition.sizeBytes ?? -1),
      leader: partition.leader,
      leaderEpoch: partition.leaderEpoch,
      chain: [...partition.chain],
    })),
  };
}

function toNodeMessage({ nodeId, rack, status, addresses }: NodeDescription) {
  return { nodeId, rack: rack ?? "", status, addresses };
}

function toBucketMessage({ name, configs, topics, sizeBytes }: BucketDescription) {
  return { name, configs: { ...configs }, topics, sizeBytes: BigInt(sizeBytes) };
}

function toChange({ name, value }: ConfigChangeMessage): ConfigChange {
  if (value === undefined) return { name, operation: "delete", value: null };
  return { name, operation: "set", value };
}

function toResource(resource: ConfigResource | undefined) {
  const name = resource?.name ?? "";
  switch (resource?.kind) {
    case ConfigResourceKind.TOPIC:
      return { kind: "topic", name } as const;
    case ConfigResourceKind.BROKER:
      return { kind: "broker", name } as const;
    case ConfigResourceKind.GROUP:
      return { kind: "group", name } as const;
    default:
      throw new XylemError("INVALID_REQUEST", "resource.kind is a topic, a broker or a group");
  }
}

function toMap(configs: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(configs));
}

function notNew(name: string): XylemError {
  return new XylemError("TOPIC_ALREADY_EXISTS", `The topic ${name} exists`);
}
