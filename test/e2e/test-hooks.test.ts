import { afterEach, describe, expect, test } from "vitest";
import { useBroker } from "../../src/harness/fixtures/jest.ts";
import { type TestHooks } from "../../src/harness/fixtures/hook-broker.ts";

type Hook = () => Promise<void>;
const runner = globalThis as Partial<TestHooks>;

/** A runner whose hooks are globals, as Jest's are: runs a test with what was hooked around it. */
function globalRunner() {
  const before: Hook[] = [];
  const after: Hook[] = [];
  runner.beforeEach = (hook: Hook) => before.push(hook);
  runner.afterEach = (hook: Hook) => after.push(hook);
  return async (body: () => void | Promise<void>): Promise<void> => {
    for (const hook of before) await hook();
    await body();
    for (const hook of after) await hook();
  };
}

describe("a runner with global hooks", () => {
  afterEach(() => {
    delete runner.beforeEach;
    delete runner.afterEach;
  });

  test("gives each test a broker of its own, which is closed behind it", async () => {
    const runTest = globalRunner();
    const broker = useBroker();
    const seen: unknown[] = [];
    const body = async (): Promise<void> => {
      seen.push(broker().topics());
      await broker().topic("t");
      seen.push(broker());
    };
    await runTest(body);
    await runTest(body);
    expect([seen[0], seen[2]]).toEqual([[], []]);
    expect(seen[1]).not.toBe(seen[3]);
    expect(broker).toThrow("ask for it within a test");
  });

  test("that has none is told what there is for others", () => {
    expect(() => useBroker()).toThrow("xylem/testing/vitest or xylem/testing/node");
  });
});
