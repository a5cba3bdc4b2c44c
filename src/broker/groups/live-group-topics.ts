import { formatUuid } from "../../base/uuid.ts";
import type { GroupTopic, GroupTopics } from "../../groups/consumer/consumer-events.ts";
import type { Topic, Topics } from "../topics/topics.ts";

/** The topics of this node as groups see them. */
export class LiveGroupTopics implements GroupTopics {
  readonly #topics: Topics;
  /** Made once for each topic and count: every heartbeat asks. */
  readonly #seen = new WeakMap<Topic, GroupTopic>();

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  find(name: string): GroupTopic | undefined {
    const topic = this.#topics.find(name);
    if (topic === undefined) return undefined;
    const partitionCount = topic.partitions.length;
    const seen = this.#seen.get(topic);
    if (seen?.partitionCount === partitionCount) return seen;
    const found = { id: seen?.id ?? formatUuid(topic.id), name, partitionCount };
    this.#seen.set(topic, found);
    return found;
  }
}
