import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { Broker } from "../broker.ts";
import { deleteTopic } from "../topics/delete-topic.ts";
import { absentBucket, topicsIn } from "./change-bucket.ts";

/** Topics that are deleted side by side, sharing the coordinator's flushes. */
const deletingMax = 64;

/**
 * Deletes a bucket: with `withTopics` its topics too, first of all. A crash in between leaves the
 * bucket with what is left of them, to be deleted again. Throws RESOURCE_NOT_FOUND,
 * BUCKET_NOT_EMPTY, TOPIC_DELETION_DISABLED.
 */
export async function deleteBucket(
  broker: Pick<Broker, "configs" | "settings" | "topics">,
  name: string,
  { withTopics }: { readonly withTopics: boolean },
): Promise<void> {
  const { buckets } = broker.configs;
  if (buckets.find(name) === undefined) throw absentBucket(name);
  if (withTopics) {
    await inParallel(topicsIn(broker, name), deletingMax, (topic) =>
      deleteIfThere(broker, topic.name),
    );
  }
  await buckets.remove(name, () => {
    if (buckets.find(name) === undefined) throw absentBucket(name);
    const count = topicsIn(broker, name).length;
    if (count === 0) return;
    throw new XylemError("BUCKET_NOT_EMPTY", `The bucket ${name} holds ${count} topic(s)`, {
      facts: { topics: count },
    });
  });
  broker.configs.refresh();
}

/** Somebody else may have deleted it meanwhile. */
async function deleteIfThere(
  broker: Pick<Broker, "settings" | "topics">,
  name: string,
): Promise<void> {
  try {
    await deleteTopic(broker, name);
  } catch (error) {
    if (broker.topics.find(name) !== undefined) throw error;
  }
}
