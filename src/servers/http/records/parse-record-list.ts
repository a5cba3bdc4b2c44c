import { XylemError } from "../../../base/errors.ts";
import { scanJson } from "../../../base/json/scan-json.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { checkHeaderCount, checkRecordCount } from "../../../broker/records/append-bounds.ts";
import type { NewRecord } from "../../../broker/records/append-records.ts";
import { findProblem } from "../schemas/find-problem.ts";
import { type HeaderText, type ListedRecord, newRecordList } from "../schemas/record.ts";
import { contentTypeHeader } from "./format-record.ts";

type RecordHeader = NewRecord["headers"][number];

/**
 * The records of a body of `application/vnd.xylem.records+json`. Values are stored as JSON without
 * blanks, numbers digit for digit; `encoding` says otherwise. Throws INVALID_REQUEST,
 * RECORD_LIST_TOO_LARGE and INVALID_RECORD.
 */
export function parseRecordList(bytes: Uint8Array, settings: NodeSettings): NewRecord[] {
  checkValueCount(bytes, settings);
  const body = parseExactly(decodeUtf8(bytes));
  checkCounts(body, settings);
  const problem = findProblem(newRecordList, body);
  if (problem !== undefined) throw invalid(problem);
  return toNewRecords((body as { readonly records: readonly ListedRecord[] }).records);
}

/** Records of a list that passed its schema. Throws INVALID_REQUEST. */
export function toNewRecords(records: readonly ListedRecord[]): NewRecord[] {
  return records.map(toRecord);
}

/** Before anything is built of it: the loop would stand still for as long as that takes. */
function checkValueCount(bytes: Uint8Array, settings: NodeSettings): void {
  const most = settings["http.list.max.values"];
  const scanned = scanJson(bytes);
  if (scanned === undefined || scanned.valueCount <= most) return;
  const detail = `more than ${most} values: http.list.max.values`;
  throw new XylemError("RECORD_LIST_TOO_LARGE", detail);
}

/**
 * The bounds of records and of their headers, of what may be no list of records yet. Throws
 * RECORD_LIST_TOO_LARGE and INVALID_RECORD.
 */
export function checkCounts(body: unknown, settings: NodeSettings): void {
  const { records } = (body ?? {}) as { readonly records?: unknown };
  if (!Array.isArray(records)) return;
  checkRecordCount(records.length, settings);
  for (const one of records as readonly (Partial<ListedRecord> | null)[]) {
    const headers = one?.headers;
    if (typeof headers !== "object" || headers === null) continue;
    let count = 0;
    for (const values of Object.values(headers)) count += Array.isArray(values) ? values.length : 1;
    checkHeaderCount(count, settings);
  }
}

/** A number that a double would write differently: it is kept as its text. */
const risky = /\d{16}|\d[eE]|\.\d{15}|-0|\.\d*0(?!\d)/;

interface SourceText {
  readonly source?: string;
}
type WithSource = (key: string, value: unknown, context: SourceText) => unknown;
/** In every Node that the package runs on, not yet in TypeScript's library. */
const json = JSON as unknown as {
  parse(text: string, revive: WithSource): unknown;
  rawJSON(text: string): unknown;
};

/** JSON that is written again digit for digit. Throws INVALID_REQUEST. */
export function parseExactly(text: string): unknown {
  try {
    const plain: unknown = JSON.parse(text);
    return risky.test(text) ? json.parse(text, keepDigits) : plain;
  } catch (error) {
    throw invalid(`the body is no JSON: ${(error as Error).message}`);
  }
}

function keepDigits(_key: string, value: unknown, { source }: SourceText): unknown {
  if (typeof value !== "number" || source === undefined) return value;
  return String(value) === source ? value : json.rawJSON(source);
}

function toRecord(listed: ListedRecord, index: number): NewRecord {
  const { key = null, keyEncoding = "text", partition, timestamp, headers = {} } = listed;
  const place = `records[${index}]`;
  const ownHeaders = Object.entries(headers).flatMap(([name, value]) =>
    toHeaders(name, value, place),
  );
  const isJson = (listed.encoding ?? "json") === "json" && listed.value !== undefined;
  const isSaid = ownHeaders.some(({ key: name }) => name === contentTypeHeader);
  const isTold = isJson && !isSaid && !isTombstone(listed);
  return {
    key: key === null ? null : toBytes(key, keyEncoding, `${place}.key`),
    value: toValue(listed, place),
    headers: isTold ? [jsonHeader, ...ownHeaders] : ownHeaders,
    partition,
    timestampMs: timestamp,
  };
}

const jsonHeader: RecordHeader = {
  key: contentTypeHeader,
  value: encodeUtf8("application/json"),
};

/** Null stands for the JSON null only where `encoding` says `json`. */
function isTombstone({ value, encoding }: ListedRecord): boolean {
  return value === undefined || (value === null && encoding !== "json");
}

function toValue(listed: ListedRecord, place: string): Uint8Array | null {
  const { value, encoding = "json" } = listed;
  if (isTombstone(listed)) return null;
  if (encoding === "json") return toJson(value, place);
  if (typeof value === "string") return toBytes(value, encoding, `${place}.value`);
  throw invalid(`${place}.value must be text: its encoding is ${encoding}`);
}

function toJson(value: unknown, place: string): Uint8Array {
  try {
    return encodeUtf8(JSON.stringify(value));
  } catch (error) {
    if (error instanceof RangeError) throw invalid(`${place}.value is nested too deeply`);
    throw error;
  }
}

function toHeaders(
  key: string,
  value: HeaderText | readonly HeaderText[],
  place: string,
): RecordHeader[] {
  const values = Array.isArray(value) ? (value as readonly HeaderText[]) : [value as HeaderText];
  return values.map((one) => {
    if (one === null) return { key, value: null };
    if (typeof one === "string") return { key, value: encodeUtf8(one) };
    return { key, value: toBytes(one.base64, "base64", `${place}.headers.${key}`) };
  });
}

function toBytes(text: string, encoding: string, place: string): Uint8Array {
  if (encoding !== "base64") return encodeUtf8(text);
  const bytes = Buffer.from(text, "base64");
  // What is no base64 is passed over in silence: only then the text is another one.
  if (bytes.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "")) return bytes;
  throw invalid(`${place} is no base64`);
}

function invalid(problem: string): XylemError {
  return new XylemError("INVALID_REQUEST", `${problem[0]?.toUpperCase()}${problem.slice(1)}.`);
}
