import { isUtf8 } from "node:buffer";
import { XylemError } from "../../../base/errors.ts";
import { scanJson } from "../../../base/json/scan-json.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import type { Broker } from "../../../broker/broker.ts";
import { checkRecordCount } from "../../../broker/records/append-bounds.ts";
import type { NewRecord } from "../../../broker/records/append-records.ts";
import { mediaTypeOf } from "../media-type.ts";
import { Refusal } from "../refusal.ts";
import { contentTypeHeader, findHeader, isJsonType } from "./format-record.ts";
import { parseRecordList } from "./parse-record-list.ts";

export const recordListType = "application/vnd.xylem.records+json";
export const linesType = "application/x-ndjson";

/** What the request says of all its records. */
export interface BodyOf {
  /** The Content-Type header as it came. */
  readonly contentType: string | undefined;
  readonly key: string | undefined;
  readonly partition: number | undefined;
  /** As `contentTypeOf` the topic. */
  readonly typeWanted: string;
  /** As `largestRecordBytes` of the topic. */
  readonly sizeBytesMax: number;
  readonly settings: NodeSettings;
}

/** Longer ones are no media type that anybody knows. */
const contentTypeLengthMax = 255;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * The records of a body: a list or lines by its media type, else the body is the record, and its
 * media type is kept as a header. Bytes are kept as they came. Throws INVALID_REQUEST,
 * RECORD_LIST_TOO_LARGE, INVALID_RECORD, MESSAGE_TOO_LARGE, and a Refusal with 415 for what the
 * topic does not take.
 */
export function parseRecords(body: Uint8Array, about: BodyOf): NewRecord[] {
  const { contentType, key, partition, typeWanted, sizeBytesMax, settings } = about;
  const type = mediaTypeOf(contentType);
  if (type === recordListType) return parseList(body, about);
  const placed = { key: key === undefined ? null : encodeUtf8(key), partition };
  if (type === linesType) {
    if (typeWanted !== "" && !isJsonType(typeWanted)) throw otherType(type, typeWanted);
    const lines = splitLines(body, typeWanted !== "", settings);
    return lines.map((value) => ({ ...placed, value, headers: [] }));
  }
  if (typeWanted !== "" && type !== typeWanted) throw otherType(type, typeWanted);
  // Before anything is looked for in it: what is larger can not be stored anyway.
  if (body.length > sizeBytesMax) throw tooLarge(body.length, sizeBytesMax);
  if (contentType === undefined) return [{ ...placed, value: body, headers: [] }];
  if (contentType.length > contentTypeLengthMax) throw invalid("The Content-Type is too long.");
  if (isJsonType(contentType)) checkJson(body, "The body");
  const headers = [{ key: contentTypeHeader, value: encodeUtf8(contentType) }];
  return [{ ...placed, value: body, headers }];
}

function parseList(body: Uint8Array, about: BodyOf): NewRecord[] {
  const { key, partition, typeWanted, settings } = about;
  if (key !== undefined) throw invalid("The records of a list have keys of their own.");
  if (!isUtf8(body)) throw invalid("The body is not in UTF-8.");
  const records = parseRecordList(body, settings);
  checkContentTypes(records, typeWanted);
  if (partition === undefined) return records;
  return records.map((record) => ({ ...record, partition: record.partition ?? partition }));
}

/** What the topic's `content.type` says; empty: anything goes. */
export function contentTypeOf({ topics }: Pick<Broker, "topics">, topic: string): string {
  return topics.find(topic)?.settings["content.type"] ?? "";
}

/** What a record of the topic may have at most, and its batch. */
export function largestRecordBytes({ topics, settings }: Broker, topic: string): number {
  return topics.find(topic)?.settings["max.message.bytes"] ?? settings["message.max.bytes"];
}

/** Tombstones have none. Throws a Refusal with 415 for what the topic does not take. */
export function checkContentTypes(records: readonly NewRecord[], typeWanted: string): void {
  if (typeWanted === "") return;
  for (const { value, headers } of records) {
    const told = findHeader(headers, contentTypeHeader);
    if (value !== null && told !== typeWanted) throw otherType(told, typeWanted);
  }
}

/**
 * One value a line, without its line feed; a last line needs none. Empty lines are no records. What
 * else is in a line stays in it, a carriage return too.
 */
function splitLines(body: Uint8Array, isJsonWanted: boolean, settings: NodeSettings): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(lineFeed, start);
    const end = found < 0 ? body.length : found;
    const line = body.subarray(start, end);
    start = end + 1;
    if (line.length === 0 || (line.length === 1 && line[0] === carriageReturn)) continue;
    checkRecordCount(lines.length + 1, settings);
    lines.push(line);
    if (isJsonWanted) checkJson(line, `Line ${lines.length}`);
  }
  if (lines.length === 0) throw invalid("There is no line with anything in it.");
  return lines;
}

function checkJson(bytes: Uint8Array, what: string): void {
  if (!isUtf8(bytes)) throw invalid(`${what} is not in UTF-8.`);
  if (scanJson(bytes) === undefined) throw invalid(`${what} is no JSON.`);
}

function tooLarge(sizeBytes: number, sizeBytesMax: number): XylemError {
  const detail = `a body of ${sizeBytes} bytes, max.message.bytes is ${sizeBytesMax}`;
  return new XylemError("MESSAGE_TOO_LARGE", detail);
}

function otherType(type: string | undefined, wanted: string): Refusal {
  return new Refusal(415, `The topic takes ${wanted} only, not ${type ?? "what is not said"}.`, {
    facts: { setting: "content.type", wanted },
  });
}

function invalid(detail: string): XylemError {
  return new XylemError("INVALID_REQUEST", detail);
}
