import { XylemError } from "../../../base/errors.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import { zeroUuid } from "../../../base/uuid.ts";
import type { Broker } from "../../../broker/broker.ts";
import { describeTopicConfigs } from "../../../broker/configs/describe-topic-configs.ts";
import { overrideTopicSettings } from "../../../broker/configs/topic-defaults.ts";
import type { NewTopic } from "../../../broker/topics/new-topic.ts";
import { changePartitionsMax } from "../../../broker/topics/partition-budget.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { configSourceNumbers } from "../config-numbers.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"CreateTopics">;
type Response = ResponseOf<"CreateTopics">;
type WantedTopic = Request["topics"][number];
type TopicAnswer = Response["topics"][number];

/** Topics of one request that are made side by side, sharing the coordinator's flushes. */
const parallelMax = 256;

/** CreateTopics (key 19): each topic made or refused by itself; answers come in request order. */
export async function createTopics(
  request: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const once = new Map<string, WantedTopic>();
  const repeated = new Set<string>();
  for (const wanted of request.topics) {
    if (once.has(wanted.name)) repeated.add(wanted.name);
    once.set(wanted.name, wanted);
  }
  const tooMany = checkPartitionSum(request, broker);
  const topics = await inParallel([...once], parallelMax, async ([name, wanted]) => {
    try {
      if (repeated.has(name)) throw new XylemError("INVALID_REQUEST", "Duplicate topic name.");
      if (tooMany !== undefined) throw tooMany;
      return await createTopic(wanted, request.validateOnly, broker);
    } catch (error) {
      return failed(name, expectXylemError(error));
    }
  });
  return { topics };
}

function checkPartitionSum(request: Request, broker: Broker): XylemError | undefined {
  let sum = 0;
  for (const { numPartitions, assignments } of request.topics) {
    if (assignments.length > 0) sum += assignments.length;
    else if (numPartitions > 0) sum += numPartitions;
    else sum += broker.settings["num.partitions"];
  }
  return sum > changePartitionsMax
    ? new XylemError(
        "POLICY_VIOLATION",
        `Excessively large number of partitions per request: ${sum}, ` +
          `at most ${changePartitionsMax}`,
      )
    : undefined;
}

async function createTopic(
  wanted: WantedTopic,
  validateOnly: boolean,
  broker: Broker,
): Promise<TopicAnswer> {
  const asked = newTopic(wanted);
  const plan = broker.topics.plan(asked);
  if (validateOnly) return made(wanted.name, { ...plan, id: zeroUuid }, broker);
  const topic = await broker.topics.create(asked);
  const { id, configs, partitions } = topic;
  const created = { id, configs, partitions: partitions.length, replicas: plan.replicas };
  return made(wanted.name, created, broker);
}

function newTopic(wanted: WantedTopic): NewTopic {
  return {
    name: wanted.name,
    partitions: wanted.numPartitions,
    replicas: wanted.replicationFactor,
    assignments: wanted.assignments.map(({ partitionIndex, brokerIds }) => ({
      index: partitionIndex,
      replicas: brokerIds,
    })),
    configs: new Map(wanted.configs.map(({ name, value }) => [name, value])),
  };
}

interface Made {
  readonly id: Uint8Array;
  readonly partitions: number;
  readonly replicas: number;
  readonly configs: ReadonlyMap<string, string>;
}

function made(
  name: string,
  { id, partitions, replicas, configs }: Made,
  broker: Broker,
): TopicAnswer {
  const settings = overrideTopicSettings(broker.configs.topicDefaultsOf(name), configs);
  return {
    name,
    topicId: id,
    errorCode: 0,
    errorMessage: null,
    numPartitions: partitions,
    replicationFactor: replicas,
    configs: describeTopicConfigs({ name, configs, settings }, broker.configs).map((config) => ({
      name: config.name,
      value: config.value,
      readOnly: config.isReadOnly,
      configSource: configSourceNumbers[config.source],
      isSensitive: config.isSensitive,
    })),
  };
}

function failed(name: string, error: XylemError): TopicAnswer {
  return { name, errorCode: error.kafka, errorMessage: error.message };
}
