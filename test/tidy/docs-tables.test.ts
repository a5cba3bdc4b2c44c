import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { docsTables, stalePages } from "../../scripts/docs-tables.ts";
import { catalogue } from "../../src/base/error-catalogue.ts";
import { nodeSettings } from "../../src/base/settings/node-settings.ts";
import { topicSettings } from "../../src/base/settings/topic-settings.ts";
import { apiNames, apiTable } from "../../src/protocol/api-table.ts";

test("the reference pages say what the tables say", () => {
  expect(stalePages(resolve(import.meta.dirname, "../.."))).toEqual([]);
});

test("every setting and every error has its row", () => {
  const pages = docsTables();
  const rows = (path: string): string[] =>
    [...(pages.get(path) ?? "").matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? "");
  expect(new Set(rows("docs/settings.md"))).toEqual(new Set(Object.keys(nodeSettings)));
  expect(rows("docs/topic-settings.md")).toEqual(
    expect.arrayContaining(Object.keys(topicSettings)),
  );
  expect(new Set(rows("docs/errors.md"))).toEqual(new Set(Object.keys(catalogue)));
});

test("every API has its row with the versions that are served, by key", () => {
  const page = docsTables().get("docs/protocol-support.md") ?? "";
  const rows = [...page.matchAll(/^\| (\d+) \| (\w+) \| (\d+)(?: to (\d+))? \|/gm)].map((match) => {
    const [, key, name, min, max = min] = match;
    return [Number(key), name, Number(min), Number(max)];
  });
  const wanted = apiNames.map((name) => {
    const { key, served } = apiTable[name];
    return [key, name, served.min, served.max] as const;
  });
  expect(rows).toEqual(wanted.toSorted(([one], [other]) => one - other));
  expect(rows).toContainEqual([0, "Produce", 3, 13]);
  expect(page).toContain("Listed from 0");
});

test("a page that differs in one character, or is not there, is stale", () => {
  const root = mkdtempSync(join(tmpdir(), "docs-tables-"));
  const [first, second, ...absent] = [...docsTables()];
  for (const [path, text] of [first!, second!]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), path === first![0] ? text.replace("e", "f") : text);
  }
  expect(stalePages(root)).toEqual([first![0], ...absent.map(([path]) => path)]);
  rmSync(root, { recursive: true });
});
