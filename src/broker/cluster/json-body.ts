import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";

// Bodies of calls between nodes as JSON. Nodes have proved the cluster's secret: what they write is
// taken for what it says it is.

export function writeJson(value: unknown): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

export function readJson<T>(body: Uint8Array): T {
  return JSON.parse(decodeUtf8(body)) as T;
}
