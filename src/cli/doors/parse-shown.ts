import type { ShownRecord } from "../record-format.ts";

type HeaderText = string | null | { readonly base64: string };

/** A record as the HTTP door tells it, in a line of a page, an event or a message. */
interface ToldRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly keyEncoding: "text" | "base64";
  readonly headers: Readonly<Record<string, HeaderText | readonly HeaderText[]>>;
  readonly encoding: "json" | "text" | "base64";
  readonly value: unknown;
}

/** The bytes of a record that was told as one line of JSON. */
export function parseShown(line: string): ShownRecord {
  const told = JSON.parse(line) as ToldRecord;
  const { topic, partition, offset, timestamp, key, keyEncoding, headers } = told;
  return {
    topic,
    partition,
    offset: BigInt(offset),
    timestampMs: BigInt(timestamp),
    key: key === null ? null : Buffer.from(key, keyEncoding === "base64" ? "base64" : "utf8"),
    value: valueOf(told, line),
    headers: Object.entries(headers).flatMap(([name, values]) =>
      listOf(values).map((value) => [name, toBytes(value)] as const),
    ),
  };
}

function valueOf(told: ToldRecord, line: string): Uint8Array | null {
  const { encoding, value } = told;
  if (encoding === "json") return Buffer.from(jsonText(told, line));
  if (typeof value !== "string") return null;
  return Buffer.from(value, encoding === "base64" ? "base64" : "utf8");
}

/** JSON stands in the line as it was stored, behind all else: its digits and blanks are kept. */
function jsonText({ value, ...rest }: ToldRecord, line: string): string {
  const before = `${JSON.stringify(rest).slice(0, -1)},"value":`;
  return line.startsWith(before) ? line.slice(before.length, -1) : JSON.stringify(value);
}

function listOf(values: HeaderText | readonly HeaderText[]): readonly HeaderText[] {
  return Array.isArray(values) ? (values as readonly HeaderText[]) : [values as HeaderText];
}

function toBytes(value: HeaderText): Uint8Array | null {
  if (value === null || typeof value === "string")
    return value === null ? null : Buffer.from(value);
  return Buffer.from(value.base64, "base64");
}
