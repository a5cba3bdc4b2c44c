import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { formatJson } from "./terminal.ts";

/** A record as commands print it; bytes as they were stored. */
export interface ShownRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

export type FormatRecord = (record: ShownRecord) => string;

/**
 * `value`: the value alone. `json`: one JSON document a line. Anything with `{…}` is a template of
 * {topic} {partition} {offset} {timestamp} {key} {value} {headers} and {header:name}; `\n` and `\t`
 * in it are a new line and a tab. Throws CommandFailure on an unknown name.
 */
export function recordFormat(format: string): FormatRecord {
  if (format === "value") return (record) => textOf(record.value);
  if (format === "json") return formatAsJson;
  if (!format.includes("{")) {
    throw new CommandFailure(
      `--format is json, value or a template such as "{offset} {value}", not "${format}"`,
      exitCodes.usage,
    );
  }
  return compileTemplate(format.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
}

const fields: Readonly<Record<string, FormatRecord>> = {
  topic: (record) => record.topic,
  partition: (record) => String(record.partition),
  offset: (record) => String(record.offset),
  timestamp: (record) => String(record.timestampMs),
  key: (record) => textOf(record.key),
  value: (record) => textOf(record.value),
  headers: (record) => record.headers.map(([name, value]) => `${name}=${textOf(value)}`).join(","),
};

function compileTemplate(template: string): FormatRecord {
  const parts = template.split(/(\{[^{}]*\})/).map((part): FormatRecord => {
    if (!/^\{.*\}$/.test(part)) return () => part;
    const name = part.slice(1, -1);
    if (name.startsWith("header:")) return headerField(name.slice("header:".length));
    const field = fields[name];
    if (field !== undefined) return field;
    const known = [...Object.keys(fields), "header:name"].join(", ");
    throw new CommandFailure(`{${name}} is not one of ${known}`, exitCodes.usage);
  });
  return (record) => parts.map((part) => part(record)).join("");
}

function headerField(name: string): FormatRecord {
  return (record) => textOf(record.headers.findLast(([key]) => key === name)?.[1] ?? null);
}

function formatAsJson(record: ShownRecord): string {
  return formatJson({
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestampMs,
    key: jsonText(record.key),
    value: jsonText(record.value),
    headers: Object.fromEntries(record.headers.map(([name, value]) => [name, jsonText(value)])),
  });
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text where the bytes are UTF-8, else `{ base64 }`: nothing is lost on the way. */
export function jsonText(bytes: Uint8Array | null): string | { base64: string } | null {
  if (bytes === null) return null;
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes).toString("base64") };
  }
}

function textOf(bytes: Uint8Array | null): string {
  return bytes === null ? "" : Buffer.from(bytes).toString("utf8");
}
