import { parseBase64, formatBase64 } from "./base64.ts";

/** A header's value: text, or bytes that are none. */
export type HeaderValue = string | Uint8Array | null;

/** By name; a name that comes several times has a list. */
export type RecordHeaders = Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>;

/** A record to be appended. */
export interface NewRecord {
  /** Chooses the partition as Kafka's clients do. */
  readonly key?: string | Uint8Array | null;
  /**
   * Bytes and text are kept as they are; null is a tombstone; all else becomes JSON. `json` makes
   * JSON of a text or of null, too.
   */
  readonly value?: unknown;
  readonly json?: unknown;
  readonly headers?: RecordHeaders;
  readonly partition?: number;
  /** Milliseconds since 1970; absent: now. */
  readonly timestamp?: number;
}

/** A record as it was read. */
export interface ClientRecord<Value = unknown> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; -1: it has none. */
  readonly timestamp: number;
  /** Text, or bytes when they are none. */
  readonly key: string | Uint8Array | null;
  readonly headers: RecordHeaders;
  /** What `value` is: parsed JSON, text, or bytes. A tombstone is null and `text`. */
  readonly encoding: "json" | "text" | "bytes";
  readonly value: Value;
}

/** A record as it stands in JSON. */
export interface ListedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly keyEncoding: "text" | "base64";
  readonly headers: Readonly<Record<string, ListedHeader | readonly ListedHeader[]>>;
  readonly encoding: "json" | "text" | "base64";
  readonly value: unknown;
}

type ListedHeader = string | null | { readonly base64: string };

export function readListed(listed: ListedRecord): ClientRecord {
  const { topic, partition, offset, timestamp, key, keyEncoding, encoding, value } = listed;
  const isBytes = encoding === "base64";
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: key !== null && keyEncoding === "base64" ? parseBase64(key) : key,
    headers: mapHeaders(listed.headers, readHeader),
    encoding: isBytes ? "bytes" : encoding,
    value: isBytes ? parseBase64(value as string) : value,
  };
}

/** As `application/vnd.xylem.records+json` lists it. */
export function listNew(record: NewRecord): object {
  const { key, headers, partition, timestamp } = record;
  return {
    ...listContent(record),
    ...(key instanceof Uint8Array
      ? { key: formatBase64(key), keyEncoding: "base64" }
      : key !== undefined && { key }),
    ...(headers !== undefined && { headers: mapHeaders(headers, listHeader) }),
    ...(partition !== undefined && { partition }),
    ...(timestamp !== undefined && { timestamp }),
  };
}

function listContent({ value, json }: NewRecord): object {
  if (json !== undefined) return { encoding: "json", value: json };
  if (value instanceof Uint8Array) return { encoding: "base64", value: formatBase64(value) };
  if (typeof value === "string") return { encoding: "text", value };
  if (value === null || value === undefined) return { encoding: "text", value: null };
  return { encoding: "json", value };
}

function mapHeaders<From, To>(
  headers: Readonly<Record<string, From | readonly From[]>>,
  map: (value: From) => To,
): Record<string, To | To[]> {
  const mapped = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? (value as From[]).map(map) : map(value as From),
  ]);
  return Object.fromEntries(mapped) as Record<string, To | To[]>;
}

function readHeader(value: ListedHeader): HeaderValue {
  return typeof value === "object" && value !== null ? parseBase64(value.base64) : value;
}

function listHeader(value: HeaderValue): ListedHeader {
  return value instanceof Uint8Array ? { base64: formatBase64(value) } : value;
}
