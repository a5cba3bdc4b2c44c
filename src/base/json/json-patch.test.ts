import fc from "fast-check";
import * as rfc6902 from "rfc6902";
import { describe, expect, test } from "vitest";
import { applyPatch } from "./json-patch.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const apply = (document: string, patch: string): unknown =>
  applyPatch(JSON.parse(document), JSON.parse(patch));

describe("RFC 6902, appendix A", () => {
  test.each([
    ['{"foo":"bar"}', '[{"op":"add","path":"/baz","value":"qux"}]', '{"foo":"bar","baz":"qux"}'],
    ['{"foo":["bar"]}', '[{"op":"add","path":"/foo/0","value":1}]', '{"foo":[1,"bar"]}'],
    ['{"foo":["bar"]}', '[{"op":"add","path":"/foo/-","value":[1]}]', '{"foo":["bar",[1]]}'],
    ['{"foo":"bar","b":1}', '[{"op":"remove","path":"/b"}]', '{"foo":"bar"}'],
    ['{"foo":[1,2,3]}', '[{"op":"remove","path":"/foo/1"}]', '{"foo":[1,3]}'],
    ['{"baz":"qux"}', '[{"op":"replace","path":"/baz","value":"boo"}]', '{"baz":"boo"}'],
    ['{"a":{"b":1},"c":{}}', '[{"op":"move","from":"/a/b","path":"/c/d"}]', '{"a":{},"c":{"d":1}}'],
    ['{"foo":[1,2,3,4]}', '[{"op":"move","from":"/foo/1","path":"/foo/3"}]', '{"foo":[1,3,4,2]}'],
    ['{"a":{"b":1}}', '[{"op":"copy","from":"/a","path":"/c"}]', '{"a":{"b":1},"c":{"b":1}}'],
    ['{"a":[1,{"b":2}]}', '[{"op":"test","path":"/a/1","value":{"b":2}}]', '{"a":[1,{"b":2}]}'],
    ['{"a/b":1,"c~d":2}', '[{"op":"remove","path":"/a~1b"}]', '{"c~d":2}'],
    ['{"~1":10}', '[{"op":"test","path":"/~01","value":10}]', '{"~1":10}'],
    ["[1]", '[{"op":"replace","path":"","value":{"new":true}}]', '{"new":true}'],
    ["[]", '[{"op":"add","path":"/-","value":null}]', "[null]"],
    ['{"a":1}', '[{"op":"add","path":"","value":7,"unknown":1}]', "7"],
    ['{"a":1}', '[{"op":"move","from":"/a","path":"/a"}]', '{"a":1}'],
    ["{}", '[{"op":"add","path":"/__proto__","value":{"x":1}}]', '{"__proto__":{"x":1}}'],
    ['{"a":1}', "[]", '{"a":1}'],
  ])("%s with %s is %s", (document, patch, expected) => {
    expect(JSON.stringify(apply(document, patch))).toBe(expected);
  });

  test.each([
    ["a test that fails", '[{"op":"test","path":"/foo","value":"other"}]'],
    ["text is no number", '[{"op":"test","path":"/one","value":"1"}]'],
    ["a path to nowhere", '[{"op":"replace","path":"/bar","value":1}]'],
    ["a parent that is not there", '[{"op":"add","path":"/bar/baz","value":1}]'],
    ["a parent that is no object", '[{"op":"add","path":"/one/two","value":1}]'],
    ["an index past the end", '[{"op":"add","path":"/list/3","value":1}]'],
    ["an index with a zero", '[{"op":"remove","path":"/list/01"}]'],
    ["the end of a list is no element", '[{"op":"remove","path":"/list/-"}]'],
    ["the length of a list", '[{"op":"test","path":"/list/length","value":2}]'],
    ["what every object has", '[{"op":"copy","from":"/constructor","path":"/x"}]'],
    ["into itself", '[{"op":"move","from":"/list","path":"/list/0"}]'],
    ["the whole document", '[{"op":"remove","path":""}]'],
  ])("%s: the patch does not fit", (_, patch) => {
    const failing = () => apply('{"foo":"bar","one":1,"list":[1,2]}', patch);
    expect(failing).toThrow(expect.objectContaining({ code: "PATCH_FAILED" }));
  });

  test.each([
    "{}",
    "[1]",
    '[{"op":"add","path":"/a"}]',
    '[{"op":"add","value":1}]',
    '[{"op":"copy","path":"/a"}]',
    '[{"op":"spam","path":"/a"}]',
    '[{"op":"remove","path":"a"}]',
    '[{"op":"remove","path":"/~2"}]',
  ])("%s is no patch", (patch) => {
    expect(() => apply("{}", patch)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  });
});

test("a copy is a copy: what changes later is in one place only", () => {
  const patch = '[{"op":"copy","from":"/a","path":"/b"},{"op":"add","path":"/b/x","value":1}]';
  expect(apply('{"a":{}}', patch)).toEqual({ a: {}, b: { x: 1 } });
});

test("copies of copies end at a bound", () => {
  const double = { op: "copy", from: "", path: "/x" };
  const patch = JSON.stringify(Array.from({ length: 200 }, () => double));
  const failing = () => apply(JSON.stringify({ text: "x".repeat(1_000) }), patch);
  expect(failing).toThrow("copies make up more than");
});

test("operations that shift long lists end at a bound", () => {
  const list = JSON.stringify(Array.from({ length: 400_000 }, () => 0));
  const often = (operation: object) => {
    return JSON.stringify(Array.from({ length: 20_000 }, () => operation));
  };
  const removals = often({ op: "remove", path: "/0" });
  expect(() => apply(list, removals)).toThrow("shift more than");
  const insertions = often({ op: "add", path: "/0", value: 1 });
  expect(() => apply(list, insertions)).toThrow("shift more than");
  const atTheEnd = often({ op: "add", path: "/-", value: 1 });
  expect(apply(list, atTheEnd)).toHaveLength(420_000);
});

test("what is nested too deeply is refused, not a crash", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  const failing = () => apply(deep, `[{"op":"test","path":"","value":${deep}}]`);
  expect(failing).toThrow(expect.objectContaining({ code: "PATCH_FAILED" }));
});

test("no patch changes what objects inherit", () => {
  apply("{}", '[{"op":"add","path":"/__proto__","value":{"polluted":1}}]');
  expect(() => apply("{}", '[{"op":"add","path":"/__proto__/x","value":1}]')).toThrow(
    "there is nothing at",
  );
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test("what another implementation finds to differ, the patch brings about", () => {
  const names = fc.constantFrom("a", "b", "c~d", "e/f", "");
  const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<Json>(null, true, 0, 1.5, "text"),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(names, tie("tree"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(tree, tree, (before, after) => {
      const patch = rfc6902.createPatch(before, after);
      expect(applyPatch(structuredClone(before), patch)).toEqual(after);
    }),
  );
});
