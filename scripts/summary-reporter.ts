import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import type { TestEnd, TestRun } from "./test-summary.ts";

/**
 * Leaves the outcome of a run in the file that XYLEM_TEST_RUN names, for `run-tests.ts`: after each
 * test file, so that a run that is cut short has not been for nothing.
 */
export default class SummaryReporter implements Reporter {
  readonly #tests: TestEnd[] = [];
  readonly #errors: string[] = [];
  readonly #running = new Set<string>();

  onTestModuleStart(module: TestModule): void {
    this.#running.add(pathOf(module));
    this.#save();
  }

  onTestModuleEnd(module: TestModule): void {
    this.#running.delete(pathOf(module));
    this.#tests.push(...[...module.children.allTests()].map(endOf));
    this.#errors.push(...errorsOutsideTests(module));
    this.#save();
  }

  onTestRunEnd(_modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#errors.push(...unhandled.map((error) => `unhandled: ${error.message}`));
    this.#save();
  }

  #save(): void {
    const file = process.env["XYLEM_TEST_RUN"];
    if (file === undefined) return;
    const unfinished = [...this.#running].map((path) => `${path} did not end`);
    const run: TestRun = { tests: this.#tests, errors: [...this.#errors, ...unfinished] };
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
