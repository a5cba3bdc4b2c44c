import { atLeast, long, orExactly } from "./rows.ts";
import type { SettingValues } from "./setting.ts";

/**
 * What a bucket has beside every topic setting, which its topics inherit. The checks of bucket
 * commands and the reference page read this table.
 */
export const bucketSettings = {
  "bucket.retention.bytes": long(
    -1,
    orExactly(-1, atLeast(0)),
    "Bytes that the topics of a bucket keep together: past it whole segments go, oldest first, " +
      "from the topic that holds most. A topic is not cut below half of an equal share, and its " +
      "active segment stays. Segments of the bucket are then rolled at a sixteenth of it, at " +
      "least 1 MiB, unless segment.bytes says otherwise; -1 is no bound.",
  ),
};

export type BucketSettings = SettingValues<typeof bucketSettings>;
