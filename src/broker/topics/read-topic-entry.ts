import { assert } from "../../base/assert.ts";
import { formatUuid } from "../../base/uuid.ts";
import { chainKey } from "../../replication/chain-config.ts";
import type { CoordinatorFeed } from "../cluster/coordinator-feed.ts";
import type { UnreadableEntries } from "../cluster/unreadable-entries.ts";
import { parseTopicEntry, type TopicEntry, topicKey } from "./topic-entry.ts";

/** Where topics of several nodes are read. */
export interface TopicReader {
  readonly feed: Pick<CoordinatorFeed, "revisionOf">;
  readonly unreadable: UnreadableEntries;
}

/**
 * A topic's entry in a cluster; undefined: it can not be read, which is noted, or it says that
 * there are more partitions than there may be (`partitions.max`) and its last one has no chain. A
 * topic that was made under a higher bound has one.
 */
export function readTopicEntry(
  { feed, unreadable }: TopicReader,
  { name, value }: { readonly name: string; readonly value: string },
  partitionsMax: number,
): TopicEntry | undefined {
  return unreadable.read(topicKey(name), () => {
    const entry = parseTopicEntry(name, value);
    const { id, partitions } = entry;
    const last = chainKey(formatUuid(id), partitions - 1);
    const isMade = partitions <= partitionsMax || feed.revisionOf(last) !== 0;
    assert(isMade, `${partitions} partitions are more than partitions.max (${partitionsMax})`);
    return entry;
  });
}
