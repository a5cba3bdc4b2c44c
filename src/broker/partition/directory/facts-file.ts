import type { Crc32c } from "../../../base/crc32c.ts";
import { MalformedError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import { type FactsByTopic, formatFacts, parseFacts } from "../../../log/partition-facts.ts";
import type { Disk } from "../../ports/disk.ts";
import { replaceFile } from "./replace-file.ts";

/**
 * What the last stop in order knew of every partition, so that the next start need not look into
 * their folders. It counts only beside our own marker of a clean stop: whoever changes a folder
 * while no node runs removes the marker or this file.
 */
export const factsFileName = "partition-facts-checkpoint";

export interface FactsPlace {
  readonly disk: Disk;
  readonly crc32c: Crc32c;
  readonly log: Log;
}

/** Removes the file; answers what it said if `isValid`. The directory is synced by the caller. */
export async function takeFacts(place: FactsPlace, isValid: boolean): Promise<FactsByTopic> {
  const { disk, crc32c, log } = place;
  const bytes = await disk.readFile(factsFileName);
  if (bytes === undefined) return new Map();
  await disk.remove(factsFileName);
  if (!isValid) return new Map();
  try {
    return parseFacts(bytes, crc32c);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    log.warn("unreadable partition facts: every partition is looked at", { why: error.message });
    return new Map();
  }
}

export async function storeFacts(place: FactsPlace, facts: FactsByTopic): Promise<void> {
  const bytes = formatFacts(facts, place.crc32c);
  await replaceFile(place.disk, { directory: "", name: factsFileName }, bytes);
}
