import type { StoredRecord } from "../../../broker/records/stored-record.ts";
import type { Answer } from "../route.ts";
import { attachment } from "./content-disposition.ts";
import { contentTypeHeader, findHeader } from "./format-record.ts";

/** Types that a browser shows without running anything of them. */
const shownTypes =
  /^(text\/(plain|csv)|application\/json|image\/(png|jpeg|gif|webp)|(audio|video)\/)/;
/** A media type with parameters (RFC 9110, 8.3.1), printable and short. */
const mediaType = /^[\w.+-]{1,64}\/[\w.+-]{1,64}(\s*;[\x20-\x7e]{0,120})?$/;

/**
 * A record's value by itself. Whatever it is, no browser runs it as a page of this node: the
 * sandbox has no scripts and an origin of its own, and what could have scripts is saved to a file.
 */
export function answerRecord(record: StoredRecord, download: string | undefined): Answer {
  const { topic, partition, offset, timestampMs, value, headers } = record;
  const told = findHeader(headers, contentTypeHeader) ?? "";
  const type = mediaType.test(told) ? told : "application/octet-stream";
  const shown: Record<string, string> = {
    "xylem-partition": String(partition),
    "xylem-offset": String(offset),
    "xylem-timestamp": String(timestampMs),
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
  };
  if (value === null) return { status: 204, headers: shown };
  const isShown = shownTypes.test(type.toLowerCase());
  if (download !== undefined || !isShown) {
    shown["content-disposition"] = attachment(download ?? `${topic}-${partition}-${offset}`);
  }
  const typed = { ...shown, "content-type": type };
  return { status: 200, headers: typed, content: value, holds: "record" };
}
