import { expect, test } from "vitest";
import { batchOf, committed } from "../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../test/support/memory-broker.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import { parsePosition, resolvePosition } from "./position.ts";

test.each([
  ["12", 12],
  ["0", 0],
  ["earliest", "earliest"],
  ["latest", "latest"],
  ["-5", { last: 5 }],
  ["@1767225600000", { timeMs: 1_767_225_600_000 }],
  ["@2026-01-01T00:00:00Z", { timeMs: 1_767_225_600_000 }],
  ["@2026-01-01", { timeMs: 1_767_225_600_000 }],
] as const)("%s is a position", (text, position) => {
  expect(parsePosition(text)).toEqual(position);
});

test.each([
  "",
  "1.5",
  "first",
  "--1",
  "@",
  "@soon",
  "9007199254740993",
  "@9007199254740993",
  "1e3",
])("%j is no position", (text) => {
  expect(() => parsePosition(text)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
});

test("a position is found in the log; one that counts back stops at its start", async () => {
  const memory = await MemoryBroker.open();
  const topic = await memory.createTopic("orders");
  const log = topic.partitions[0] as PartitionLog;
  await log.load();
  for (let count = 1; count <= 10; count += 1) {
    log.append(batchOf(["x"], { timestampMs: count * 1_000 }), { origin: "client" });
  }
  await committed(log, 10);
  await log.deleteRecordsBefore(2);
  const find = (text: string): Promise<number> => resolvePosition(log, parsePosition(text));
  expect(await find("earliest")).toBe(2);
  expect(await find("latest")).toBe(10);
  expect(await find("-3")).toBe(7);
  expect(await find("-30")).toBe(2);
  expect(await find("@5000")).toBe(4);
  expect(await find("@5001")).toBe(5);
  expect(await find("@99999")).toBe(10);
  expect(await find("99")).toBe(99);
  await memory.close();
});
