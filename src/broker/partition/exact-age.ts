import { XylemError } from "../../base/errors.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { neverMs } from "../../log/partition-facts.ts";
import type { SegmentList } from "./segment/segment-list.ts";
import type { SearchBounds, TimestampSearch } from "./read/timestamp-search.ts";

export interface ExactAgeParts {
  readonly segments: SegmentList;
  readonly search: TimestampSearch;
}

/**
 * `retention.exact`: the offset of the first record that is not older than `retention.ms`; all
 * below it may go, though it lies in a segment with younger ones. 0 where the policy says nothing,
 * and where damage hides the records' times: then whole segments go, as without it.
 */
export async function firstYoung(
  { segments, search }: ExactAgeParts,
  settings: TopicSettings,
  { logStart, upTo, nowMs }: SearchBounds & { readonly nowMs: number },
): Promise<number> {
  const ageMsMax = settings["retention.ms"];
  const oldestMs = nowMs - ageMsMax;
  if (!settings["retention.exact"] || ageMsMax < 0 || oldestMs <= 0) return 0;
  try {
    const timed = Math.min(upTo, await firstUntimed(segments));
    const found = await search.findFirst(oldestMs, { logStart, upTo: timed });
    return found?.offset ?? timed;
  } catch (error) {
    if (error instanceof XylemError && error.code === "CORRUPT_MESSAGE") return 0;
    throw error;
  }
}

/** When the record at which `firstYoung` stops is too old as well. */
export async function exactDueMs(
  { segments, search }: ExactAgeParts,
  settings: TopicSettings,
  { logStart, upTo, nowMs }: SearchBounds & { readonly nowMs: number },
): Promise<number> {
  const ageMsMax = settings["retention.ms"];
  if (!settings["retention.exact"] || ageMsMax < 0) return neverMs;
  try {
    const timed = Math.min(upTo, await firstUntimed(segments));
    const found = await search.findFirst(nowMs - ageMsMax, { logStart, upTo: timed });
    return found === undefined ? neverMs : found.timestampMs + ageMsMax + 1;
  } catch (error) {
    if (error instanceof XylemError && error.code === "CORRUPT_MESSAGE") return neverMs;
    throw error;
  }
}

/** Records without a time have no age of their own: their segment's is its file's. */
async function firstUntimed(segments: SegmentList): Promise<number> {
  for (const segment of segments.all) {
    const isUntimed = segment.sizeBytes > 0 && (await segment.largestTimestampMs()) < 0;
    if (isUntimed) return segment.baseOffset;
  }
  return Infinity;
}
