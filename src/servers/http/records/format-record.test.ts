import { defaultNodeSettings } from "../../../base/settings/node-settings.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../base/text.ts";
import { formatRecord } from "./format-record.ts";
import { parseRecordList } from "./parse-record-list.ts";

const parse = (text: string) => parseRecordList(encodeUtf8(text), defaultNodeSettings);

const stored = (value: Uint8Array | null, headers: readonly [string, string][] = []) => ({
  topic: "t",
  partition: 1,
  offset: 2,
  timestampMs: 3,
  key: null,
  value,
  headers: headers.map(([key, text]) => ({ key, value: encodeUtf8(text) })),
});
const valueOf = (text: string, type?: string): { encoding: string; value: unknown } => {
  const line = formatRecord(stored(encodeUtf8(text), type ? [["content-type", type]] : []));
  expect(line).not.toMatch(/[\r\n]/);
  return JSON.parse(line) as { encoding: string; value: unknown };
};

describe("a record as JSON", () => {
  test("says of each value what it is", () => {
    expect(valueOf('{"a":\n1}')).toMatchObject({ encoding: "json", value: { a: 1 } });
    expect(valueOf("[1]")).toMatchObject({ encoding: "json", value: [1] });
    expect(valueOf("42")).toMatchObject({ encoding: "text", value: "42" });
    expect(valueOf("42", "application/json")).toMatchObject({ encoding: "json", value: 42 });
    expect(valueOf("42", "application/vnd.x+json; a=b")).toMatchObject({ encoding: "json" });
    expect(valueOf("{no", "application/json")).toMatchObject({ encoding: "text", value: "{no" });
    expect(valueOf("[1]", "text/plain")).toMatchObject({ encoding: "text", value: "[1]" });
    expect(JSON.parse(formatRecord(stored(Uint8Array.of(0xff))))).toMatchObject({
      encoding: "base64",
      value: "/w==",
    });
    expect(JSON.parse(formatRecord(stored(null)))).toMatchObject({ encoding: "text", value: null });
  });

  test("keeps every digit of a stored number", () => {
    const text = '{"id":12345678901234567890,"sum":1.10}';
    expect(formatRecord(stored(encodeUtf8(text)))).toContain(`"value":${text}`);
    const [record] = parse(`{"records":[{"value":${text}}]}`);
    expect(Buffer.from(record!.value!).toString()).toBe(text);
  });

  test("lists what a header name has several times", () => {
    const headers = ["x", "y"].map((text) => ["a", text] as [string, string]);
    expect(JSON.parse(formatRecord(stored(null, headers)))).toMatchObject({
      headers: { a: ["x", "y"] },
    });
  });

  test("goes in again as it came out, whatever its bytes", () => {
    const bytes = fc.option(fc.oneof(fc.uint8Array(), fc.json().map(encodeUtf8)), { nil: null });
    const header = fc.record({ key: fc.string({ unit: "grapheme" }), value: bytes });
    fc.assert(
      fc.property(bytes, bytes, fc.array(header, { maxLength: 4 }), (key, value, headers) => {
        // Order is kept within a name.
        const sorted = headers.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
        const line = formatRecord({ ...stored(value), key, headers: sorted });
        const listed = JSON.parse(line) as Record<string, unknown>;
        delete listed["offset"];
        delete listed["topic"];
        const [again] = parse(JSON.stringify({ records: [listed] }));
        expect(again!.key && [...again!.key]).toEqual(key && [...key]);
        // JSON may lose its blanks.
        const isJson = listed["encoding"] === "json";
        const told = (bytes: Uint8Array | null): unknown =>
          bytes && (isJson ? JSON.parse(Buffer.from(bytes).toString()) : [...bytes]);
        expect(told(again!.value)).toEqual(told(value));
        const own = again!.headers.filter(
          (one) => sorted.some(({ key: name }) => name === one.key) || one.key !== "content-type",
        );
        const shown = (list: readonly { key: string; value: Uint8Array | null }[]) =>
          list
            .map((one) => `${one.key}=${one.value && Buffer.from(one.value).toString("hex")}`)
            .sort();
        expect(shown(own)).toEqual(shown(sorted));
      }),
    );
  });
});
