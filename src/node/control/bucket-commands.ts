import { configureBucket, createBucket, listBuckets } from "../../broker/buckets/change-bucket.ts";
import type { ConfigChange } from "../../broker/configs/change-configs.ts";
import { command } from "./command.ts";
import { text, textList, textMap } from "./input.ts";

export const createBucketCommand = command(
  { name: text, configs: textMap },
  async ({ name, configs }, { broker }) => await createBucket(broker, name, configs),
);

export const listBucketsCommand = command({}, async (_, { broker }) => listBuckets(broker));

/** Without changes it only answers what the bucket has. */
export const configureBucketCommand = command(
  { name: text, set: textMap, unset: textList },
  async ({ name, set, unset }, { broker }) => {
    const changes: ConfigChange[] = [
      ...[...set].map(([key, value]) => ({ name: key, operation: "set" as const, value })),
      ...unset.map((key) => ({ name: key, operation: "delete" as const, value: null })),
    ];
    return await configureBucket(broker, name, changes);
  },
);
