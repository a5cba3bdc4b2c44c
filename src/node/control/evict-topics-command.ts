import { evictTopics } from "../../broker/retention/evict-topics.ts";
import { command } from "./command.ts";
import { optional, text } from "./input.ts";

/** Applies retention now: to a topic, to those of a bucket, without either to all. */
export const evictTopicsCommand = command(
  { topic: optional(text), bucket: optional(text) },
  async ({ topic, bucket }, { broker, signal }) => {
    if (topic !== undefined) return await evictTopics(broker, { topic }, signal);
    return await evictTopics(broker, bucket === undefined ? "all" : { bucket }, signal);
  },
);
