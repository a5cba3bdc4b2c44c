import { XylemError } from "../../base/errors.ts";
import type { TopicImage } from "./topic-image.ts";
import { checkTopicName, metadataTopic } from "./topic-name.ts";

/**
 * Throws INVALID_TOPIC_EXCEPTION, INVALID_REQUEST, TOPIC_ALREADY_EXISTS or POLICY_VIOLATION for a
 * name that no topic may get; `making` topics are on their way.
 */
export function checkNewName(
  name: string,
  image: TopicImage,
  bounds: { readonly making: number; readonly topicsMax: number },
): void {
  checkTopicName(name);
  if (name === metadataTopic) {
    throw new XylemError("INVALID_REQUEST", `Creation of internal topic ${name} is prohibited.`);
  }
  const rival = image.findCollision(name);
  if (rival?.name === name) {
    throw new XylemError("TOPIC_ALREADY_EXISTS", `Topic '${name}' already exists.`);
  }
  if (rival !== undefined) throw collision(name, rival.name);
  const { making, topicsMax } = bounds;
  if (image.size + making >= topicsMax) {
    throw new XylemError("POLICY_VIOLATION", `There are ${topicsMax} topics, which is topics.max`);
  }
}

/** Names that differ only in `.` and `_` would be one in metrics. */
export function collision(name: string, rival: string): XylemError {
  const detail = `Topic '${name}' collides with existing topic: ${rival}`;
  return new XylemError("INVALID_TOPIC_EXCEPTION", detail);
}
