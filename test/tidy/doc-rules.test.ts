import { expect, test } from "vitest";
import { brokenCapabilities, brokenLinks, parseCapabilities } from "./doc-rules.ts";
import { readTree, type SourceFile } from "./source-tree.ts";

const tree = readTree();
const capabilitiesCount = 174;

function textOf(path: string): string {
  const file = tree.find((candidate) => candidate.path === path);
  expect(file, `${path} exists`).toBeDefined();
  return file?.text ?? "";
}

test("every link in the documents leads somewhere", () => {
  expect(tree.flatMap((file) => brokenLinks(file, tree))).toEqual([]);
});

test("a link to a missing file or heading is found", () => {
  const other: SourceFile = { path: "docs/b.md", text: "# What it's for\n" };
  const good = "[b](b.md) [b](b.md#what-its-for) [up](../docs/) [web](https://example.org/x)";
  const bad = "[c](c.md) [b](b.md#why) [self](#nothing)";
  const page: SourceFile = { path: "docs/a.md", text: `# A\n${good}\n${bad}\n` };
  expect(brokenLinks(page, [page, other])).toEqual([
    "docs/a.md: c.md",
    "docs/a.md: b.md#why",
    "docs/a.md: #nothing",
  ]);
});

test("every capability has a row, and each row's tests are there", () => {
  const rows = parseCapabilities(textOf("docs/capabilities.md"));
  const numbers = rows.map((row) => row.number);
  expect(numbers).toEqual(Array.from({ length: capabilitiesCount }, (_, index) => index + 1));
  expect(brokenCapabilities(rows, new Set(tree.map((file) => file.path)))).toEqual([]);
});

test("a capability without its test is found", () => {
  const rows = parseCapabilities(
    [
      "| # | doors | test | note |",
      "|--|--|--|--|",
      "| 1 | kafka | `test/a.test.ts` | |",
      "| 2 | kafka | `test/lost.test.ts` | |",
      "| 3 | http | | |",
      "| 4 | http | | later issue |",
    ].join("\n"),
  );
  expect(brokenCapabilities(rows, new Set(["test/a.test.ts"]))).toEqual([
    "row 2 names test/lost.test.ts: no such file",
    "row 3 names no test",
  ]);
});

test("ARCHITECTURE.md can be read in one sitting", () => {
  expect(textOf("ARCHITECTURE.md").split("\n").length).toBeLessThanOrEqual(251);
});

test("the README names the commands that a newcomer needs", () => {
  const readme = textOf("README.md");
  for (const command of ["npm install", "npm start", "npm test", "npm run check"]) {
    expect(readme).toContain(command);
  }
});

test("every decision has a number of its own and says context, decision and cost", () => {
  const decisions = tree.filter((file) => file.path.startsWith("docs/decisions/"));
  const numbers = decisions.map((file) => Number(/\/(\d{3})-/.exec(file.path)?.[1]));
  expect(numbers).toEqual([...new Set(numbers)].filter((number) => number > 0));
  for (const { path, text } of decisions) {
    for (const part of ["## Context", "## Decision", "## Cost"]) expect(text, path).toContain(part);
  }
});

test("the changelog begins with what is not yet released", () => {
  expect(textOf("CHANGELOG.md")).toMatch(/^# Changelog\n[\s\S]*?\n## Unreleased\n/);
});
