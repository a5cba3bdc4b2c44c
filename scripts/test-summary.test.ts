import { expect, test } from "vitest";
import { parseExpectedSkips, summarize, type TestEnd } from "./test-summary.ts";

const expected = parseExpectedSkips("# programs\nkcat\njava # large\n\n");
const passed: TestEnd = { name: "reads", state: "passed" };

function lastLine(tests: readonly TestEnd[], errors: readonly string[] = []): string | undefined {
  return summarize({ tests, errors }, expected).lines.at(-1);
}

test("the last line counts what passed, failed and was skipped", () => {
  const skipped: TestEnd = { name: "kcat reads", state: "skipped", note: "needs kcat: not here" };
  const failed: TestEnd = { name: "writes", state: "failed" };
  expect(lastLine([passed, passed, skipped, failed])).toBe("2 passed, 1 failed, 1 skipped");
});

test("a listed reason names each skipped test", () => {
  const note = "needs kcat, java: not on this machine";
  const { lines } = summarize(
    { tests: [{ name: "t", state: "skipped", note }], errors: [] },
    expected,
  );
  expect(lines).toEqual([`skipped: t (${note})`, "0 passed, 0 failed, 1 skipped"]);
});

test("a skip without a reason, or for an unlisted one, fails the run", () => {
  expect(lastLine([{ name: "t", state: "skipped" }])).toBe("0 passed, 1 failed, 0 skipped");
  const unlisted: TestEnd = { name: "t", state: "skipped", note: "needs kcat, ruby: not here" };
  expect(lastLine([unlisted])).toBe("0 passed, 1 failed, 0 skipped");
  const other: TestEnd = { name: "t", state: "skipped", note: "flaky" };
  expect(lastLine([passed, other])).toBe("1 passed, 1 failed, 0 skipped");
});

test("a test that never ended and an error outside tests fail the run", () => {
  expect(lastLine([passed, { name: "t", state: "pending" }])).toBe("1 passed, 1 failed, 0 skipped");
  expect(lastLine([passed], ["a.test.ts: no such module"])).toBe("1 passed, 1 failed, 0 skipped");
});
