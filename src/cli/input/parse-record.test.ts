import { expect, test } from "vitest";
import { recordFormat } from "../record-format.ts";
import { parseRecord } from "./parse-record.ts";

const print = recordFormat("json");

test("what consume prints as JSON comes back as the same bytes", () => {
  const key = Uint8Array.of(0xff, 0xfe);
  const content = {
    key,
    value: Buffer.from('{"total": 9}'),
    headers: [
      ["source", Buffer.from("größe")],
      ["raw", key],
    ],
  } as const;
  const shown = { topic: "t", partition: 2, offset: 7n, timestampMs: 0n, ...content };
  const { key: readKey, value, headers } = parseRecord(print(shown), 1);
  expect([readKey, value].map((bytes) => Buffer.from(bytes ?? []))).toEqual([
    Buffer.from(key),
    content.value,
  ]);
  expect(headers.map(([name, bytes]) => [name, Buffer.from(bytes)])).toEqual(
    content.headers.map(([name, bytes]) => [name, Buffer.from(bytes)]),
  );
});

test("null is a tombstone, other JSON is its text", () => {
  expect(parseRecord('{"key":"k","value":null}', 1)).toMatchObject({ value: null });
  const { value } = parseRecord('{"value":{"a":[1]}}', 1);
  expect(Buffer.from(value ?? []).toString()).toBe('{"a":[1]}');
});

test.each(["not JSON", '"text"', '{"key":"k"}', '{"value":"v","headers":[]}'])(
  "%s is refused with the number of its line",
  (line) => expect(() => parseRecord(line, 12)).toThrow(/^line 12 /),
);
