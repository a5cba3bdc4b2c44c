import { XylemError } from "../../base/errors.ts";
import { checkTopicName } from "../topics/topic-name.ts";
import type { Topics } from "../topics/topics.ts";
import type { BrokerConfigs } from "./broker-configs.ts";
import { describeBrokerConfigs, describeClusterConfigs } from "./describe-broker-configs.ts";
import { describeTopicConfigs } from "./describe-topic-configs.ts";
import type { DescribedConfig } from "./described-config.ts";
import { describeGroupConfigs } from "./group-configs.ts";

/** What has configs. A broker's name is this node's id, or "" for all nodes. */
export interface ConfigResource {
  readonly kind: "topic" | "broker" | "group";
  readonly name: string;
}

/** Where configs are kept. */
export interface ConfigOwner {
  readonly topics: Topics;
  readonly configs: BrokerConfigs;
}

/**
 * All configs of a resource with value, source and synonyms (semantics.md 12, DescribeConfigs).
 * Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, INVALID_REQUEST.
 */
export function describeConfigs(
  { kind, name }: ConfigResource,
  { topics, configs }: ConfigOwner,
): readonly DescribedConfig[] {
  switch (kind) {
    case "topic": {
      checkTopicName(name);
      const topic = topics.find(name);
      if (topic !== undefined) return describeTopicConfigs(topic, configs);
      throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
    }
    case "broker":
      return isClusterWide(name, configs.nodeId)
        ? describeClusterConfigs(configs)
        : describeBrokerConfigs(configs);
    case "group":
      checkGroup(name);
      return describeGroupConfigs(name, configs);
  }
}

/** Whether a broker's name means all nodes. Throws INVALID_REQUEST for another node's. */
export function isClusterWide(name: string, nodeId: number): boolean {
  if (name === "") return true;
  if (name === String(nodeId)) return false;
  throw new XylemError(
    "INVALID_REQUEST",
    `Unexpected broker id, expected ${nodeId} or empty string, but received ${name}`,
  );
}

export function checkGroup(name: string): void {
  if (name !== "") return;
  throw new XylemError("INVALID_REQUEST", "Default group resources are not allowed.");
}
