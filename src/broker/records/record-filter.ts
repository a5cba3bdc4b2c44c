import { equalBytes } from "../../base/bytes.ts";
import { XylemError } from "../../base/errors.ts";
import { parsePointer, valueAt } from "../../base/json/json-pointer.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import type { RecordHeader } from "../../protocol/record.ts";

/**
 * Which records a reader wants: those for which everything that is set holds. Equality and a prefix
 * only: nothing that comes from outside is run, and no pattern of it is matched.
 */
export interface RecordFilter {
  readonly key?: Uint8Array | undefined;
  readonly keyPrefix?: Uint8Array | undefined;
  /** The last header of each name has this value. */
  readonly headers: readonly { readonly name: string; readonly value: Uint8Array }[];
  /** The value is JSON and holds this at each pointer. */
  readonly json: readonly JsonCondition[];
}

export interface JsonCondition {
  /** Reference tokens of a JSON Pointer (RFC 6901), unescaped. */
  readonly tokens: readonly string[];
  /** A string by its text; a number, true, false or null as JSON writes it. */
  readonly text: string;
}

/** What a filter looks at. Headers are only asked for where it names one. */
export interface FilteredContent {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

const headerPrefix = "header.";
const jsonPrefix = "json.";
/** Conditions of one filter. */
const conditionsMax = 32;

/** Throws INVALID_REQUEST for a filter of too many conditions. */
export function checkConditionCount(count: number): void {
  if (count > conditionsMax) throw bad(`at most ${conditionsMax} conditions`);
}

/** Whether a parameter of a door is one of a filter. */
export function isFilterName(name: string): boolean {
  if (name === "key" || name === "key-prefix") return true;
  return name.startsWith(headerPrefix) || name.startsWith(jsonPrefix);
}

/**
 * The filter that parameters of a door say: `key`, `key-prefix`, `header.NAME` and `json./pointer`.
 * Undefined: there is none. Throws INVALID_REQUEST, also for other names: who misspells one is not
 * to get all that there is.
 */
export function parseRecordFilter(
  parameters: Iterable<readonly [name: string, value: string]>,
): RecordFilter | undefined {
  const found = [...parameters];
  if (found.length === 0) return undefined;
  const unknown = found.find(([name]) => !isFilterName(name))?.[0];
  if (unknown !== undefined) {
    throw bad(`it has key, key-prefix, header.NAME and json./pointer, not ${unknown}`);
  }
  checkConditionCount(found.length);
  const single = (wanted: string): Uint8Array | undefined => {
    const values = found.filter(([name]) => name === wanted);
    if (values.length > 1) throw bad(`${wanted} is given ${values.length} times`);
    return values[0] && encodeUtf8(values[0][1]);
  };
  const under = (prefix: string): (readonly [string, string])[] =>
    found
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value] as const);
  return {
    key: single("key"),
    keyPrefix: single("key-prefix"),
    headers: under(headerPrefix).map(([name, value]) => ({ name, value: encodeUtf8(value) })),
    json: under(jsonPrefix).map(([pointer, text]) => ({ tokens: parsePointer(pointer), text })),
  };
}

/** Whether a record is wanted. `headersOf` is called at most once. */
export function matchesFilter(
  filter: RecordFilter,
  content: FilteredContent,
  headersOf: () => readonly RecordHeader[],
): boolean {
  const { key, keyPrefix, headers, json } = filter;
  if (key !== undefined && !isEqual(content.key, key)) return false;
  if (keyPrefix !== undefined && !hasPrefix(content.key, keyPrefix)) return false;
  if (headers.length > 0 && !matchesHeaders(headers, headersOf())) return false;
  return json.length === 0 || matchesJson(json, content.value);
}

function isEqual(one: Uint8Array | null, other: Uint8Array): boolean {
  return one !== null && equalBytes(one, other);
}

function hasPrefix(key: Uint8Array | null, prefix: Uint8Array): boolean {
  if (key === null || key.length < prefix.length) return false;
  return equalBytes(key.subarray(0, prefix.length), prefix);
}

function matchesHeaders(
  wanted: RecordFilter["headers"],
  headers: readonly RecordHeader[],
): boolean {
  return wanted.every(({ name, value }) => {
    const header = headers.findLast(({ key }) => key === name);
    return header !== undefined && isEqual(header.value, value);
  });
}

function matchesJson(conditions: readonly JsonCondition[], value: Uint8Array | null): boolean {
  if (value === null) return false;
  let document: unknown;
  try {
    document = JSON.parse(decodeUtf8(value));
  } catch {
    // It is no JSON: nothing is at any pointer.
    return false;
  }
  return conditions.every(({ tokens, text }) => isText(valueAt(document, tokens), text));
}

const numberPattern = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function isText(found: unknown, text: string): boolean {
  if (typeof found === "string") return found === text;
  if (typeof found === "number") return numberPattern.test(text) && Number(text) === found;
  return (typeof found === "boolean" || found === null) && String(found) === text;
}

function bad(what: string): XylemError {
  return new XylemError("INVALID_REQUEST", `a filter can not be read: ${what}`);
}
