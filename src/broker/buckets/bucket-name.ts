import { XylemError } from "../../base/errors.ts";

const lengthMax = 120;

/** Throws INVALID_REQUEST unless topics can be named `<bucket>.<stream>`. */
export function checkBucketName(name: string): void {
  if (/^[a-zA-Z0-9_-]+$/.test(name) && name.length <= lengthMax) return;
  throw new XylemError(
    "INVALID_REQUEST",
    `A bucket's name has 1 to ${lengthMax} letters and digits of ASCII, _ and -`,
  );
}

/** The bucket that a topic is in, if there is one of that name; undefined: it can be in none. */
export function bucketNameOf(topic: string): string | undefined {
  const dot = topic.indexOf(".");
  return dot > 0 && dot < topic.length - 1 ? topic.slice(0, dot) : undefined;
}
