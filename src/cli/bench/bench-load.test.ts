import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { emptyTally, type Load, runLoad } from "./bench-load.ts";
import { formatReport, makeReport } from "./bench-report.ts";

const load: Load = {
  recordsPerRequest: 10,
  recordBytes: 5,
  requestsPerSecond: undefined,
  durationMs: 10_000,
  requestsMax: 20,
};
const run = { door: "kafka", connections: 1, recordBytes: 5 };
const { signal } = new AbortController();

test("it ends with the count, and every record has the size asked for", async () => {
  const sizes = new Set<number | undefined>();
  const tally = emptyTally();
  const append = async (records: readonly { value: Uint8Array | null }[]): Promise<void> => {
    for (const { value } of records) sizes.add(value?.length);
  };
  await runLoad({ append }, load, tally, signal);
  expect([tally.requests, tally.records, tally.errorCount]).toEqual([20, 200, 0]);
  expect([...sizes]).toEqual([5]);
});

test("with a rate, a stall counts for every request that was due meanwhile", async () => {
  const tally = emptyTally();
  let requests = 0;
  const append = async (): Promise<void> => {
    requests += 1;
    if (requests === 2) await sleep(300);
  };
  await runLoad({ append }, { ...load, requestsPerSecond: 100 }, tally, signal);
  expect(makeReport(tally, run, 1).latencyMs.p50).toBeGreaterThan(50);
});

test("errors are counted by their reason and end nothing", async () => {
  const tally = emptyTally();
  let requests = 0;
  const append = async (): Promise<void> => {
    requests += 1;
    if (requests <= 2) throw new Error("too slow");
  };
  await runLoad({ append }, { ...load, requestsMax: 5 }, tally, signal);
  const report = makeReport(tally, run, 2);
  expect(report).toMatchObject({
    records: 30,
    recordsPerSecond: 15,
    errorCount: 2,
    errors: { "too slow": 2 },
  });
  expect(formatReport(report)).toMatch(/2 errors\n[^]*2 x too slow$/);
});
