import type { Broker } from "../broker.ts";
import { placeOf } from "../cluster/partition-place.ts";
import type { Topic } from "./topics.ts";

export interface TopicPageAsk {
  /** Only names that begin so. */
  readonly prefix: string;
  /** Only names behind this one. */
  readonly after: string;
  readonly limit: number;
  /** Whether the broker's own come too. */
  readonly internal: boolean;
}

export interface TopicPage {
  /** Sorted by name. */
  readonly topics: readonly Topic[];
  /** What `after` of the next page is; undefined: there is none. */
  readonly next: string | undefined;
  /** Nobody serves some of these at the moment. */
  readonly isPartial: boolean;
}

type Asked = Pick<Broker, "identity" | "cluster" | "topics">;

/** Topics of one page: the most, and as many as who does not say gets. */
export const topicPageMax = 1_000;
export const topicPageInitial = 100;

/** Topics by name, a page at a time. */
export function pageTopics(broker: Asked, ask: TopicPageAsk): TopicPage {
  const { prefix, after, limit, internal } = ask;
  const found: Topic[] = [];
  for (const topic of broker.topics.list()) {
    if (topic.name <= after || !topic.name.startsWith(prefix)) continue;
    if (topic.isInternal && !internal) continue;
    if (found.push(topic) > limit) break;
  }
  const topics = found.slice(0, limit);
  const next = found.length > limit ? topics.at(-1)?.name : undefined;
  return { topics, next, isPartial: topics.some((topic) => isAway(broker, topic)) };
}

function isAway(broker: Asked, { id, partitions }: Topic): boolean {
  if (broker.cluster === undefined) return false;
  return partitions.some((partition) => placeOf(broker, id, partition).leaderId < 0);
}
