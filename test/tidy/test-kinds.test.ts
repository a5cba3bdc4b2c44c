import { matchesGlob } from "node:path";
import { expect, test } from "vitest";
import config from "../../vitest.config.ts";
import { isTest, readTree } from "./source-tree.ts";

interface Kind {
  readonly name: string;
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
}

/** The globs of the kinds of tests in the Vitest configuration. */
function kinds(): Kind[] {
  const projects = (config as { test?: { projects?: unknown[] } }).test?.projects ?? [];
  return projects.map((project) => (project as { test: Kind }).test);
}

function kindsOf(path: string): string[] {
  const isAmong = (globs: readonly string[]): boolean =>
    globs.some((glob) => matchesGlob(path, glob));
  const chosen = kinds().filter(
    ({ include, exclude = [] }) => isAmong(include) && !isAmong(exclude),
  );
  return chosen.map(({ name }) => name);
}

test("every test file belongs to exactly one kind, so that npm test runs it once", () => {
  const wrong = readTree()
    // An example's own tests run as its README says (test/e2e/examples.test.ts).
    .filter((file) => isTest(file) && !file.path.startsWith("examples/"))
    .map((file) => `${file.path}: ${kindsOf(file.path).join(", ")}`)
    .filter((line) => !/: \w+$/.test(line));
  expect(wrong).toEqual([]);
});

test("a test file in an unknown place belongs to no kind", () => {
  expect(kindsOf("test/elsewhere/a.test.ts")).toEqual([]);
  expect(kindsOf("src/log/a.test.ts")).toEqual(["unit"]);
});
