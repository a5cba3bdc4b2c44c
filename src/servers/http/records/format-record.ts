import { isUtf8 } from "node:buffer";
import { scanJson } from "../../../base/json/scan-json.ts";
import { decodeUtf8 } from "../../../base/text.ts";
import type { StoredRecord } from "../../../broker/records/stored-record.ts";

type Headers = StoredRecord["headers"];

/** The record header that keeps the media type of a value. */
export const contentTypeHeader = "content-type";

/**
 * A record as the JSON of every answer and event, in one line. The stored bytes go out as they are:
 * a value that is JSON stands in it digit for digit. `encoding` says what `value` is: `json`, its
 * text, or its bytes in base64. A tombstone is null and no `json`.
 */
export function formatRecord(record: StoredRecord): string {
  const { topic, partition, offset, timestampMs, key, headers } = record;
  return (
    `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":${offset},` +
    `"timestamp":${timestampMs},${formatKey(key)},"headers":${formatHeaders(headers)},` +
    `${formatValue(record)}}`
  );
}

function formatKey(key: Uint8Array | null): string {
  if (key === null) return '"key":null,"keyEncoding":"text"';
  if (isUtf8(key)) return `"key":${JSON.stringify(decodeUtf8(key))},"keyEncoding":"text"`;
  return `"key":"${base64(key)}","keyEncoding":"base64"`;
}

/** By name; a name that comes again has a list. */
function formatHeaders(headers: Headers): string {
  if (headers.length === 0) return "{}";
  const byName = Map.groupBy(headers, ({ key }) => key);
  const fields = [...byName].map(([name, same]) => {
    const values = same.map(({ value }) => formatHeaderValue(value));
    return `${JSON.stringify(name)}:${values.length === 1 ? values[0] : `[${values.join(",")}]`}`;
  });
  return `{${fields.join(",")}}`;
}

function formatHeaderValue(value: Uint8Array | null): string {
  if (value === null) return "null";
  return isUtf8(value) ? JSON.stringify(decodeUtf8(value)) : `{"base64":"${base64(value)}"}`;
}

function formatValue({ value, headers }: StoredRecord): string {
  if (value === null) return '"encoding":"text","value":null';
  if (!isUtf8(value)) return `"encoding":"base64","value":"${base64(value)}"`;
  const text = decodeUtf8(value);
  if (looksLikeJson(text, headers) && scanJson(value) !== undefined) {
    // Outside of strings a line break is a blank; inside there are none (RFC 8259, 7).
    return `"encoding":"json","value":${text.replaceAll(/[\r\n]/g, " ")}`;
  }
  return `"encoding":"text","value":${JSON.stringify(text)}`;
}

/** What nobody called JSON counts as such when it is an object or a list. */
function looksLikeJson(text: string, headers: Headers): boolean {
  const type = findHeader(headers, contentTypeHeader);
  return type === undefined ? /^\s*[{[]/.test(text) : isJsonType(type);
}

/** The last header of that name as text. */
export function findHeader(headers: Headers, name: string): string | undefined {
  if (headers.length === 0) return undefined;
  const value = headers.findLast(({ key }) => key === name)?.value;
  return value ? decodeUtf8(value) : undefined;
}

/** `application/json` or `application/anything+json`, parameters aside. */
export function isJsonType(contentType: string): boolean {
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
