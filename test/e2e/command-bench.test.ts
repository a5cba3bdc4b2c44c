import { afterAll, beforeAll, expect, test } from "vitest";
import type { Outcome } from "../support/child-process.ts";
import { type StartedNode, startNode, xylem } from "../support/xylem-command.ts";

let node: StartedNode;

beforeAll(async () => {
  node = await startNode(["--port=0", "--memory"]);
});

afterAll(async () => {
  await node.child.end("SIGTERM");
});

const bench = (...args: string[]): Promise<Outcome> =>
  xylem(["bench", "-b", node.bootstrap, ...args]);

test("it tells rates and latencies, without errors, and leaves nothing behind", async () => {
  const { code, stdout } = await bench("--duration", "1s", "--connections", "2");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d+ records in [\d.]+ s: \d+ records\/s, .*, 0 errors$/m);
  expect(stdout).toMatch(/^latency ms +min +p50 +p90 +p99 +p999 +max$/m);
  const topics = await xylem(["topic", "list", "--json", "-b", node.bootstrap]);
  expect(JSON.parse(topics.stdout)).toEqual([]);
});

test("a number of records can be given, and a topic that keeps them", async () => {
  const size = ["-n", "400", "--batch", "50", "--connections", "2", "--size", "100"];
  const { stdout } = await bench("--topic", "tried", ...size, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ records: 400, requests: 8, errorCount: 0 });
  const warmUp = 2 * 50;
  const listed = await xylem(["topic", "list", "--json", "-b", node.bootstrap]);
  expect(JSON.parse(listed.stdout)).toMatchObject([{ topic: "tried", records: 400 + warmUp }]);
});

test("a refusal ends it with the broker's words, a wrong option with exit code 2", async () => {
  const refused = await bench("--size", "3MiB", "--batch", "1", "-d", "1s");
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("MESSAGE_TOO_LARGE")]);
  expect((await bench("--size", "many")).code).toBe(2);
  expect((await bench("--duration", "48h")).code).toBe(2);
});
