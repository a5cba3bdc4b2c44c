import type { Topic, Topics } from "./topics.ts";

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
}

/** Topics of one page: the most, and as many as who does not say gets. */
export const topicPageMax = 1_000;
export const topicPageInitial = 100;

/** Topics by name, a page at a time. */
export function pageTopics(topics: Pick<Topics, "list">, ask: TopicPageAsk): TopicPage {
  const { prefix, after, limit, internal } = ask;
  const found: Topic[] = [];
  for (const topic of topics.list()) {
    if (topic.name <= after || !topic.name.startsWith(prefix)) continue;
    if (topic.isInternal && !internal) continue;
    if (found.push(topic) > limit) break;
  }
  const page = found.slice(0, limit);
  return { topics: page, next: found.length > limit ? page.at(-1)?.name : undefined };
}
