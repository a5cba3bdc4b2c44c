import { changeConfigs } from "../configs/alter-resource-configs.ts";
import type { ConfigChange } from "../configs/change-configs.ts";
import type { ConfigOwner } from "../configs/config-resource.ts";
import { findTopic } from "../records/find-partition.ts";

export interface TopicChange {
  readonly name: string;
  /** How many there are to be; absent: as many as there are. */
  readonly partitions: number | undefined;
  readonly configs: readonly ConfigChange[];
}

/**
 * Adds partitions and changes configs: all that can be refused is refused before anything changes.
 * Throws UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS, INVALID_CONFIG.
 */
export async function changeTopic(owner: ConfigOwner, change: TopicChange): Promise<void> {
  const { name, partitions, configs } = change;
  const resource = { kind: "topic", name } as const;
  const present = findTopic(owner, name).storedCount;
  if (partitions !== undefined && partitions !== present) {
    await owner.topics.addPartitions(name, partitions, { validateOnly: true });
    await changeConfigs(owner, resource, configs, { validateOnly: true });
    await owner.topics.addPartitions(name, partitions);
  }
  await changeConfigs(owner, resource, configs, { validateOnly: false });
}
