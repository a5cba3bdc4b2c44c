import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeUtf8 } from "../text.ts";
import { scanJson } from "./scan-json.ts";

const isScanned = (text: string): boolean => scanJson(encodeUtf8(text)) !== undefined;

function isParsed(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test.each([
  "",
  " ",
  "{",
  "[",
  "}",
  "]",
  "[]]",
  "[}",
  "{]",
  "{}{}",
  "[1,]",
  "[,1]",
  '{"a":1,}',
  '{"a"}',
  "{a:1}",
  '{"a" : [ ] , "b":{ }}',
  "01",
  "-",
  "-0",
  "-01",
  "1.",
  ".1",
  "1.5e",
  "1e+",
  "1E-07",
  "+1",
  "tru",
  "true",
  "truee",
  "nul",
  "null ",
  "falsefalse",
  '"',
  '"\\"',
  '"\\u12"',
  '"\\u12aF"',
  '"\\x"',
  '"\t"',
  '"\u007fé\u{1f600}"',
  "\ufeff1",
  "\u00a01",
  "\v1",
  "1 2",
  "1,2",
  '"a":1',
  "NaN",
  "[[[1],[2]],{}]",
  "\n\r\t 1 \n",
  '{"a":{"b":[{}]}}',
])("%j is JSON or not as JSON.parse says", (text) => {
  expect(isScanned(text)).toBe(isParsed(text));
});

test("every JSON text is JSON, and with one character changed as JSON.parse says", () => {
  const letters = fc.constantFrom(...Array.from('{}[]:,"\\ 019.-+eEutfnbx\u0000é'));
  const cut = fc.nat(200);
  fc.assert(
    fc.property(fc.json(), letters, cut, (text, letter, at) => {
      expect(isScanned(text)).toBe(true);
      const place = at % (text.length + 1);
      const changed = text.slice(0, place) + letter + text.slice(place + 1);
      expect(isScanned(changed)).toBe(isParsed(changed));
      const shortened = text.slice(0, place);
      expect(isScanned(shortened)).toBe(isParsed(shortened));
    }),
    { numRuns: 2_000 },
  );
});

test("values are counted, deep ones too", () => {
  expect(scanJson(encodeUtf8('{"a":[1,2,{"b":"{[:"}],"c":[]}'))).toEqual({ valueCount: 7 });
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  expect(scanJson(encodeUtf8(deep))).toEqual({ valueCount: 200_000 });
});
