import type { Log } from "../../base/log.ts";
import { type CoordinatorFeed, type FeedNews, isNews } from "../cluster/coordinator-feed.ts";
import type { Change } from "../ports/coordinator.ts";
import type { LiveTopic } from "./live-topic.ts";
import { readTopicEntry, type TopicReader } from "./read-topic-entry.ts";
import { type TopicEntry, topicKey, topicsPrefix } from "./topic-entry.ts";
import type { TopicTurns } from "./topic-turns.ts";

/** A topic's entry as another node has written it; undefined: it is deleted. */
export interface TopicNews {
  readonly name: string;
  readonly entry: TopicEntry | undefined;
  readonly revision: number;
}

export interface TopicFollower {
  readonly turns: TopicTurns;
  readonly log: Log;
  find(name: string): LiveTopic | undefined;
  /** `partitions.max`, as it is now. */
  partitionsMax(): number;
  apply(news: TopicNews): Promise<void>;
}

/**
 * Has a node's topics follow what other nodes do to them, a topic at a time; what this node did
 * itself is no news. Nothing is applied before `release` is called.
 */
export function followTopics(
  reader: TopicReader & { readonly feed: CoordinatorFeed },
  follower: TopicFollower,
): ReturnType<CoordinatorFeed["followLater"]> {
  const { feed } = reader;
  const take = async (name: string, change: Change, news: FeedNews): Promise<void> => {
    const { value, revision } = change;
    // Else the newest change of it is still to come.
    const isNewest = feed.revisionOf(topicKey(name)) === (value === null ? 0 : revision);
    if (!isNewest || !isNews(change, follower.find(name)?.revision ?? 0, news)) return;
    const entry =
      value === null
        ? undefined
        : readTopicEntry(reader, { name, value }, follower.partitionsMax());
    // What can not be read is as it was.
    if (value !== null && entry === undefined) return;
    await follower.apply({ name, entry, revision });
  };
  return feed.followLater(topicsPrefix, (news) => {
    for (const change of news.changes) {
      const name = change.key.slice(topicsPrefix.length);
      follower.turns
        .take(name, () => take(name, change, news))
        .catch((error: Error) => {
          follower.log.error("a topic does not follow the cluster", {
            topic: name,
            why: error.message,
          });
        });
    }
  });
}
