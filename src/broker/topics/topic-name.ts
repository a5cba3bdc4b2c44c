import { XylemError } from "../../base/errors.ts";

const lengthMax = 249;

/** The log of a Kafka cluster's metadata: never a topic here. */
export const metadataTopic = "__cluster_metadata";

/** Throws INVALID_TOPIC_EXCEPTION unless Kafka allows the name; then it is safe in a path. */
export function checkTopicName(name: string): void {
  const reason = whatIsWrong(name);
  if (reason === undefined) return;
  throw new XylemError("INVALID_TOPIC_EXCEPTION", `Topic name is invalid: ${reason}`);
}

export function isTopicName(name: string): boolean {
  return whatIsWrong(name) === undefined;
}

/** Names that are equal here would be one name in metrics: the second one is refused. */
export function collisionName(name: string): string {
  return name.replaceAll(".", "_");
}

function whatIsWrong(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name === "." || name === "..") return `"${name}" is not allowed`;
  if (name.length > lengthMax) return `it is longer than ${lengthMax} characters`;
  return /^[a-zA-Z0-9._-]+$/.test(name)
    ? undefined
    : "it may hold only letters and digits of ASCII and . _ -";
}
