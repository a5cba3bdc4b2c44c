import { isUtf8 } from "node:buffer";
import { callHttp, recordsPath } from "./http-calls.ts";
import type { OutgoingRecord, RecordWriter, WriterOptions } from "./record-writer.ts";

const recordListType = "application/vnd.xylem.records+json";

/** Appends lists of records over HTTP. */
export async function withHttpWriter<T>(
  options: WriterOptions,
  use: (writer: RecordWriter) => Promise<T>,
): Promise<T> {
  const path = `${recordsPath(options.topic)}?acks=${options.acks}`;
  return await use({
    async append(records) {
      const body = JSON.stringify({ records: records.map(toListed) });
      const headers = { "content-type": recordListType };
      const response = await callHttp(options, path, { method: "POST", headers, body });
      await response.arrayBuffer();
    },
  });
}

function toListed({ key, value, headers, partition }: OutgoingRecord): object {
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
