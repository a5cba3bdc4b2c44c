import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../text.ts";
import { formatJson, parseExactJson } from "./exact-json.ts";

const again = (text: string): string => decodeUtf8(formatJson(parseExactJson(encodeUtf8(text))));

test.each([
  ["1.0", "1"],
  ["1e3", "1000"],
  ["0.1", "0.1"],
  ["-0.0", "0"],
  ["9007199254740991", "9007199254740991"],
  ["100000000000000000000", "100000000000000000000"],
  ["0.30000000000000004", "0.30000000000000004"],
  ['{"a":"12345678901234567890 \\" 1"}', '{"a":"12345678901234567890 \\" 1"}'],
] as const)("%s may be written again", (text, written) => {
  expect(again(text)).toBe(written);
});

test.each(["9007199254740993", "12345678901234567890", "1e999", "0.1234567890123456789", "1e-400"])(
  "%s would come back as another number",
  (text) => {
    const failing = () => again(`{"deep":[${text}]}`);
    expect(failing).toThrow(expect.objectContaining({ code: "DOCUMENT_NOT_JSON" }));
  },
);

test.each(["", "{", "undefined", "01"])("%j is no JSON", (text) => {
  expect(() => again(text)).toThrow(expect.objectContaining({ code: "DOCUMENT_NOT_JSON" }));
});

test("every number that JavaScript writes may be written again", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = JSON.stringify(value);
      expect(again(text)).toBe(text);
    }),
  );
});

test("what is nested too deeply is refused, not a crash", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  expect(() => again(deep)).toThrow(expect.objectContaining({ code: "DOCUMENT_NOT_JSON" }));
});
