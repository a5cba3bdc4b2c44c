import { inParallel } from "../../base/in-parallel.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import type { LiveTopic } from "./live-topic.ts";
import type { TopicEntry } from "./topic-entry.ts";
import type { TopicImage } from "./topic-image.ts";
import { entryOf } from "./topic-life.ts";
import type { TopicTurns } from "./topic-turns.ts";
import { writeTopic } from "./write-topic.ts";

interface Parts {
  readonly image: TopicImage;
  readonly turns: TopicTurns;
  readonly coordinator: Coordinator;
  readonly log: Log;
}

const writingMax = 64;

/**
 * Topics that a default of the node or of their bucket has compacted: the coordinator is told that
 * their gaps are no loss, whatever they do later. What fails now is tried again at the next start.
 */
export async function rememberGaps(parts: Parts): Promise<void> {
  const { image, turns, coordinator, log } = parts;
  const topics = image.list().filter(({ isDense, isStoredDense }) => isStoredDense && !isDense);
  const remember = (topic: LiveTopic): Promise<void> =>
    turns.take(topic.name, async () => {
      if (image.find(topic.name) !== topic) return;
      await writeTopic(coordinator, topic, entryOf(topic));
    });
  try {
    await inParallel(topics, writingMax, remember);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.warn("topics that are compacted by a default are not marked as such", { why });
  }
}

/**
 * Within a topic's turn: a coordinator that was restored from a backup has forgotten that the topic
 * may have gaps. `entry` is what it has. Where another node has said so first there will be news.
 */
export async function tellOfGaps(
  { coordinator, log }: Pick<Parts, "coordinator" | "log">,
  topic: LiveTopic,
  entry: TopicEntry,
): Promise<void> {
  if (!topic.isStoredDense || topic.isDense) return;
  try {
    await writeTopic(coordinator, topic, { ...entry, isDense: false });
  } catch (error) {
    if (error instanceof XylemError && error.code === "NOT_CONTROLLER") return;
    const why = error instanceof Error ? error.message : String(error);
    log.warn("a restored coordinator is not told that a topic was compacted", {
      topic: topic.name,
      why,
    });
  }
}
