/** One test as it ended. `note` says why it was skipped. */
export interface TestEnd {
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped" | "pending";
  readonly note?: string | undefined;
}

/** What a run of all tests came to. */
export interface TestRun {
  readonly tests: readonly TestEnd[];
  /** Errors outside tests: a file that does not load, a hook, an unhandled rejection. */
  readonly errors: readonly string[];
}

export interface Summary {
  readonly lines: readonly string[];
  readonly failedCount: number;
}

/** What may be missing on a machine: one name a line, `#` starts a comment. */
export function parseExpectedSkips(text: string): ReadonlySet<string> {
  const names = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return new Set(names.filter((name) => name !== ""));
}

/**
 * The end of `npm test`: skips by reason, then `N passed, N failed, N skipped`. A test that was
 * skipped for no reason, or for one that is not expected, counts as failed; so does one that never
 * ended and each error outside a test.
 */
export function summarize(run: TestRun, expectedSkips: ReadonlySet<string>): Summary {
  const ended = (state: TestEnd["state"]) => run.tests.filter((test) => test.state === state);
  const skipped = ended("skipped").filter((test) => isExpected(test, expectedSkips));
  const refused = ended("skipped").filter((test) => !isExpected(test, expectedSkips));
  const unfinished = ended("pending");
  const counts = [ended("failed"), refused, unfinished, run.errors].map((list) => list.length);
  const failedCount = counts.reduce((sum, count) => sum + count, 0);
  const lines = [
    ...skipped.map((test) => `skipped: ${test.name} (${test.note})`),
    ...refused.map((test) => `FAILED: ${test.name} skipped, ${test.note ?? "no reason given"}`),
    ...unfinished.map((test) => `FAILED: ${test.name} never ended`),
    ...ended("failed").map((test) => `FAILED: ${test.name}`),
    ...run.errors.map((error) => `FAILED: ${error}`),
    `${ended("passed").length} passed, ${failedCount} failed, ${skipped.length} skipped`,
  ];
  return { lines, failedCount };
}

/** A reason reads `needs kcat, java: …`: each of them must be listed. */
function isExpected(test: TestEnd, expectedSkips: ReadonlySet<string>): boolean {
  const needs = /^needs ([^:]+)/.exec(test.note ?? "")?.[1];
  return needs !== undefined && needs.split(",").every((name) => expectedSkips.has(name.trim()));
}
