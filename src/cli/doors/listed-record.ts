import { isUtf8 } from "node:buffer";
import type { OutgoingRecord } from "./record-writer.ts";

/** A record as the lists of HTTP and WebSocket take it: bytes that are no text in base64. */
export function toListed({ key, value, headers, partition }: OutgoingRecord): object {
  const [keyText, keyEncoding] = encode(key);
  const [valueText, encoding] = encode(value);
  return {
    key: keyText,
    keyEncoding,
    value: valueText,
    encoding,
    headers: Object.fromEntries(
      headers.map(([name, content]) => [name, isUtf8(content) ? text(content) : base64Of(content)]),
    ),
    ...(partition !== undefined && { partition }),
  };
}

function encode(bytes: Uint8Array | null): readonly [string | null, "text" | "base64"] {
  if (bytes === null) return [null, "text"];
  return isUtf8(bytes) ? [text(bytes), "text"] : [base64Of(bytes).base64, "base64"];
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

const base64Of = (bytes: Uint8Array): { base64: string } => ({
  base64: Buffer.from(bytes).toString("base64"),
});
