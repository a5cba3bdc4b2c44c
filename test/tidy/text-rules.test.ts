import { expect, test } from "vitest";
import { readTree, type SourceFile } from "./source-tree.ts";
import { bannedText, tooLong } from "./text-rules.ts";

const tree = readTree().filter((file) => file.path !== "package-lock.json");

function sample(text: string, path = "src/log/a.ts"): SourceFile {
  return { path, text };
}

test("no file is longer than 400 lines, no line longer than 100 columns", () => {
  expect(tree.flatMap(tooLong)).toEqual([]);
});

test("a long file and a long line are found", () => {
  expect(tooLong(sample("x\n".repeat(400)))).toEqual([]);
  expect(tooLong(sample("x\n".repeat(401)))).toEqual(["src/log/a.ts has 401 lines"]);
  expect(tooLong(sample("x".repeat(100)))).toEqual([]);
  expect(tooLong(sample(`a\n${"x".repeat(101)}`))).toEqual(["src/log/a.ts:2 has 101 columns"]);
});

test("no file holds a word that has no place here", () => {
  expect(tree.flatMap(bannedText)).toEqual([]);
});

test.each([
  `// ${"TO"}DO: later`,
  `// ${"FIX"}ME`,
  `test.${"on"}ly("one", () => {});`,
  `const folder = "/${"tmp"}/x";`,
  `see /${"work"}/notes`,
  `"https://registry.${"npmjs"}.org/"`,
  `asked ${"Clau" + "de"}`,
])("a banned word is found: %s", (text) => {
  expect(bannedText(sample(text))).toHaveLength(1);
});

test("work that an issue describes may be left for later", () => {
  expect(bannedText(sample(`// ${"TO"}DO (#12): later`))).toEqual([]);
});

test("the lock names no registry", () => {
  const lock = readTree().find((file) => file.path === "package-lock.json");
  expect(lock?.text).toBeDefined();
  expect(lock?.text).not.toMatch(/"resolved"/);
});
