import { expect, test } from "vitest";
import {
  type CrashKind,
  crashKinds,
  runCrashPoint,
} from "../../src/harness/simulation/crash-point.ts";

const isLong = process.env["XYLEM_LONG"] === "1";
/** Every operation in the long run, one in so many otherwise. */
const stride = isLong ? 1 : 40;
const seed = 1;

async function operationCount(): Promise<number> {
  const report = await runCrashPoint({ seed }, { operation: Infinity, kind: "kill before" });
  expect(report.complaints).toEqual([]);
  return report.operationCount;
}

test.each(crashKinds)(
  "a broker that dies by a %s any disk operation keeps its word",
  async (kind) => {
    const count = await operationCount();
    // A start, rolls, deletions and a stop are in it.
    expect(count).toBeGreaterThan(1_000);
    const failures: string[] = [];
    for (let operation = 1 + offsetOf(kind); operation <= count; operation += stride) {
      const { complaints } = await runCrashPoint({ seed }, { operation, kind });
      for (const { checker, text } of complaints)
        failures.push(`${operation}: ${checker}: ${text}`);
    }
    expect(failures).toEqual([]);
  },
);

/** So that the kinds look at different operations. */
function offsetOf(kind: CrashKind): number {
  return Math.floor((crashKinds.indexOf(kind) * stride) / crashKinds.length);
}
