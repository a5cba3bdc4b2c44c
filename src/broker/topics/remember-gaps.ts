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

/** Of all topics that a default of the node or of their bucket has compacted: as `tellOfGaps`. */
export async function rememberGaps(parts: Parts): Promise<void> {
  const { image, turns } = parts;
  const remember = (topic: LiveTopic): Promise<void> =>
    turns.take(topic.name, async () => {
      if (image.find(topic.name) === topic) await tellOfGaps(parts, topic, entryOf(topic));
    });
  await inParallel(image.list().filter(isUntold), writingMax, remember);
}

/**
 * Within a topic's turn: the coordinator is told that the topic's gaps are no loss, whatever
 * becomes of it later, if it does not know; one that was restored from a backup has forgotten it.
 * `entry` is what it has but for that. What another node has said first comes as news; what fails
 * is tried again at the next start.
 */
export async function tellOfGaps(
  { coordinator, log }: Pick<Parts, "coordinator" | "log">,
  topic: LiveTopic,
  entry: TopicEntry,
): Promise<void> {
  if (!isUntold(topic)) return;
  try {
    await writeTopic(coordinator, topic, { ...entry, isDense: false });
  } catch (error) {
    if (error instanceof XylemError && error.code === "NOT_CONTROLLER") return;
    const why = error instanceof Error ? error.message : String(error);
    log.warn("a topic that may have gaps is not marked as such", { topic: topic.name, why });
  }
}

function isUntold({ isDense, isStoredDense }: LiveTopic): boolean {
  return isStoredDense && !isDense;
}
