import { evictTopics } from "../../broker/retention/evict-topics.ts";
import { command } from "./command.ts";
import { optional, text } from "./input.ts";

/** Applies retention now: to one topic, without one to all. */
export const evictTopicsCommand = command(
  { topic: optional(text) },
  async ({ topic }, { broker, signal }) =>
    await evictTopics(broker, topic === undefined ? "all" : { topic }, signal),
);
