import { command } from "./command.ts";
import { text } from "./input.ts";

/** Makes the indexes and snapshots of a topic again. */
export const reindexTopicCommand = command(
  { topic: text },
  async ({ topic }, { broker, signal }) => await broker.reindexing.run(topic, signal),
);
