import { XylemError } from "../../base/errors.ts";
import { normalizeSetting } from "../../base/settings/parse-setting.ts";
import type { ConfigOwner } from "../configs/config-resource.ts";
import { describeTopicConfigs } from "../configs/describe-topic-configs.ts";
import { findTopicSetting } from "../configs/topic-defaults.ts";
import type { NewTopic } from "./new-topic.ts";
import type { Topic } from "./topics.ts";

/** What a topic is in, and what was asked of it. */
export interface TopicDifference {
  readonly name: string;
  readonly is: string | number | null;
  readonly asked: string | number | null;
}

/**
 * The topic of that name, made when there is none. One that exists must agree with all that is
 * named; what is not named (-1, absent configs) may be anything. Throws as `Topics.create`, with
 * the differences as facts of TOPIC_ALREADY_EXISTS.
 */
export async function ensureTopic(
  owner: ConfigOwner,
  asked: NewTopic,
): Promise<{ readonly topic: Topic; readonly isNew: boolean }> {
  const present = owner.topics.find(asked.name);
  if (present !== undefined) return agreed(owner, present, asked);
  try {
    return { topic: await owner.topics.create(asked), isNew: true };
  } catch (error) {
    // Somebody else made it meanwhile.
    const found = owner.topics.find(asked.name);
    if (found === undefined) throw error;
    return agreed(owner, found, asked);
  }
}

function agreed(owner: ConfigOwner, topic: Topic, asked: NewTopic) {
  const differences = findDifferences(owner, topic, asked);
  if (differences.length === 0) return { topic, isNew: false };
  const named = differences.map(({ name }) => name).join(", ");
  throw new XylemError(
    "TOPIC_ALREADY_EXISTS",
    `The topic ${topic.name} exists and differs in ${named}`,
    { facts: { differences } },
  );
}

function findDifferences(
  { configs, topics }: ConfigOwner,
  topic: Topic,
  asked: NewTopic,
): readonly TopicDifference[] {
  const found: TopicDifference[] = [];
  const compare = (
    name: string,
    is: TopicDifference["is"],
    wanted: TopicDifference["asked"],
  ): void => {
    if (is !== wanted) found.push({ name, is, asked: wanted });
  };
  const { partitions, replicas } = asked;
  if (partitions !== -1) compare("partitions", topic.storedCount, partitions);
  if (replicas !== -1) compare("replicas", topics.replicasOf(topic), replicas);
  if (asked.configs.size === 0) return found;
  const described = new Map(describeTopicConfigs(topic, configs).map((one) => [one.name, one]));
  for (const [name, text] of asked.configs) {
    const row = findTopicSetting(name);
    if (row === undefined) throw new XylemError("INVALID_CONFIG", `Unknown topic config: ${name}`);
    const is = described.get(name)?.value ?? null;
    compare(`configs.${name}`, is, text === null ? null : normalizeSetting(name, row, text));
  }
  return found;
}
