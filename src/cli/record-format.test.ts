import { expect, test } from "vitest";
import { recordFormat, type ShownRecord } from "./record-format.ts";

const record: ShownRecord = {
  topic: "orders",
  partition: 2,
  offset: 41n,
  timestampMs: 1_700_000_000_000n,
  key: Buffer.from("k"),
  value: Buffer.from("größe"),
  headers: [
    ["a", Buffer.from("1")],
    ["a", Buffer.from("2")],
  ],
};

test("value prints the value alone, nothing for a tombstone", () => {
  const format = recordFormat("value");
  expect([format(record), format({ ...record, value: null })]).toEqual(["größe", ""]);
});

test("json keeps bytes that are no text", () => {
  const line = recordFormat("json")({ ...record, value: Uint8Array.of(0xff, 0), key: null });
  expect(JSON.parse(line)).toEqual({
    topic: "orders",
    partition: 2,
    offset: 41,
    timestamp: 1_700_000_000_000,
    key: null,
    value: { base64: "/wA=" },
    headers: { a: "2" },
  });
});

test("a template names fields and headers", () => {
  const format = recordFormat("{topic}-{partition}@{offset}\\t{key}={value} {header:a}{header:b}");
  expect(format(record)).toBe("orders-2@41\tk=größe 2");
});

test.each(["text", "{nothing}"])("the format %s is refused with the known ones", (format) => {
  expect(() => recordFormat(format)).toThrow(/value/);
});
