import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import type { TestEnd, TestRun } from "./test-summary.ts";

/** Leaves the outcome of a run in the file that XYLEM_TEST_RUN names, for `run-tests.ts`. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env["XYLEM_TEST_RUN"];
    if (file === undefined) return;
    const run: TestRun = {
      tests: modules.flatMap((module) => [...module.children.allTests()].map(endOf)),
      errors: [
        ...modules.flatMap(errorsOutsideTests),
        ...unhandled.map((error) => `unhandled: ${error.message}`),
      ],
    };
    writeFileSync(file, JSON.stringify(run));
  }
}

function endOf(test: TestCase): TestEnd {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return { name: `${pathOf(test.module)}: ${test.fullName}`, state: result.state, note };
}

function errorsOutsideTests(module: TestModule): string[] {
  const suites = [...module.children.allSuites()];
  return [
    ...module.errors().map((error) => `${pathOf(module)}: ${error.message}`),
    ...suites.flatMap((suite) =>
      suite.errors().map((error) => `${pathOf(module)}: ${suite.fullName}: ${error.message}`),
    ),
  ];
}

function pathOf(module: TestModule): string {
  return relative(module.project.vitest.config.root, module.moduleId);
}
