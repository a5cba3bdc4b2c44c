import { CommandFailure } from "../exit-codes.ts";
import type { OutgoingRecord } from "../doors/record-writer.ts";

/**
 * A record of a JSON line as `xylem consume --json` prints it: `{key, value, headers}`. Text stands
 * for its UTF-8 bytes, `{"base64": …}` for bytes, null for none; a key or value that is any other
 * JSON stands for its text. Where it was stored is passed over. Throws CommandFailure with the
 * number of the line.
 */
export function parseRecord(line: string, lineNumber: number): OutgoingRecord {
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch (error) {
    throw bad(lineNumber, "is no JSON", error);
  }
  if (!isObject(document) || !("value" in document)) throw bad(lineNumber, "has no value");
  const { key = null, value, headers = {} } = document;
  if (!isObject(headers)) throw bad(lineNumber, "has headers that are no object");
  return {
    key: toBytes(key),
    value: toBytes(value),
    headers: Object.entries(headers).map(([name, content]) => [name, toBytes(content) ?? none]),
  };
}

const none = new Uint8Array(0);

function toBytes(content: unknown): Uint8Array | null {
  if (content === null) return null;
  if (typeof content === "string") return Buffer.from(content);
  if (isObject(content) && typeof content["base64"] === "string") {
    return Buffer.from(content["base64"], "base64");
  }
  return Buffer.from(JSON.stringify(content));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bad(lineNumber: number, what: string, cause?: unknown): CommandFailure {
  return new CommandFailure(`line ${lineNumber} ${what}`, undefined, cause);
}
