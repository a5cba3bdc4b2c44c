import { forkTopic, type ForkPoint } from "../../broker/copies/fork-topic.ts";
import { command } from "./command.ts";
import { optional, text, wholeNumber } from "./input.ts";

/** Makes a topic out of another one's past; answers where each of its partitions ends. */
export const forkTopicCommand = command(
  { topic: text, as: text, offset: optional(wholeNumber), timestampMs: optional(wholeNumber) },
  async ({ topic, as, offset, timestampMs }, { broker }) => {
    let at: ForkPoint = { kind: "latest" };
    if (offset !== undefined) at = { kind: "offset", offset };
    else if (timestampMs !== undefined) at = { kind: "time", timestampMs };
    const forked = await forkTopic(broker.topics, { source: topic, name: as, at });
    const partitions = forked.partitions.map(({ index, logStart, end }) => {
      return { partition: index, start: logStart, end };
    });
    return { topic: as, partitions };
  },
);
