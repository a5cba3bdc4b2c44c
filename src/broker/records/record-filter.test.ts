import { expect, test } from "vitest";
import { encodeUtf8 } from "../../base/text.ts";
import { matchesFilter, parseRecordFilter } from "./record-filter.ts";

interface Content {
  readonly key?: string;
  readonly value?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function matches(parameters: string, { key, value, headers = {} }: Content): boolean {
  const filter = parseRecordFilter(new URLSearchParams(parameters));
  if (filter === undefined) throw new Error("no filter");
  const content = {
    key: key === undefined ? null : encodeUtf8(key),
    value: value === undefined ? null : encodeUtf8(value),
  };
  const listed = Object.entries(headers).map(([name, text]) => ({
    key: name,
    value: encodeUtf8(text),
  }));
  return matchesFilter(filter, content, () => listed);
}

test.each<[string, Content, boolean]>([
  ["key=a", { key: "a" }, true],
  ["key=a", { key: "ab" }, false],
  ["key=a", {}, false],
  ["key=", { key: "" }, true],
  ["key-prefix=user-", { key: "user-7" }, true],
  ["key-prefix=user-", { key: "user" }, false],
  ["key-prefix=user-", {}, false],
  ["header.type=paid", { headers: { type: "paid" } }, true],
  ["header.type=paid", { headers: { type: "open" } }, false],
  ["header.type=paid", {}, false],
  ["json./state=paid", { value: '{"state":"paid"}' }, true],
  ["json./state=paid", { value: '{"state":"open"}' }, false],
  ["json./state=paid", { value: "{" }, false],
  ["json./state=paid", {}, false],
  ["json./a/0/b=1", { value: '{"a":[{"b":1.0}]}' }, true],
  ["json./a/00/b=1", { value: '{"a":[{"b":1}]}' }, false],
  ["json./a/length=1", { value: '{"a":[1]}' }, false],
  ["json./a=1e3", { value: '{"a":1000}' }, true],
  ["json./a=", { value: '{"a":0}' }, false],
  ["json./a=true", { value: '{"a":true}' }, true],
  ["json./a=null", { value: '{"a":null}' }, true],
  ["json./a=null", { value: "{}" }, false],
  ["json./toString=x", { value: "{}" }, false],
  ["json./a~1b=1&json./c~0d=2", { value: '{"a/b":1,"c~d":"2"}' }, true],
  ["json.=7", { value: "7" }, true],
  ["key=a&header.type=paid", { key: "a", headers: { type: "paid" } }, true],
  ["key=a&header.type=paid", { key: "b", headers: { type: "paid" } }, false],
])("the filter %s on %j: %s", (parameters, content, isWanted) => {
  expect(matches(parameters, content)).toBe(isWanted);
});

test("of several headers of one name the last one counts", () => {
  const filter = parseRecordFilter([["header.type", "last"]]);
  const headers = ["first", "last"].map((text) => ({ key: "type", value: encodeUtf8(text) }));
  const nothing = { key: null, value: null };
  expect(filter && matchesFilter(filter, nothing, () => headers)).toBe(true);
  expect(filter && matchesFilter(filter, nothing, () => headers.toReversed())).toBe(false);
});

test("no parameter is no filter", () => {
  expect(parseRecordFilter([])).toBeUndefined();
});

test.each(["key=a&key=b", "json.state=x", "json./a~2=x", "limit=3", "key=a&headers.type=paid"])(
  "%s can not be read",
  (parameters) => {
    const parse = () => parseRecordFilter(new URLSearchParams(parameters));
    expect(parse).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  },
);
