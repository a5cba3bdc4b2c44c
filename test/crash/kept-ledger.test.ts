import { expect, test } from "vitest";
import { encodeUtf8 } from "../../src/base/text.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { findKeptViolations, findKeyViolations, KeyHistory, type KeyWrite } from "./kept-ledger.ts";
import { formatStamp } from "../../src/cli/torture/record-stamp.ts";

const timestampMs = 1;

/** Writes of one key: 0 and 7 delete it, 1 to 6 do not. */
function history(sent: number, acknowledged: number): { keys: KeyHistory; log: LogRecord[] } {
  const keys = new KeyHistory(1);
  const writes: KeyWrite[] = [];
  for (let count = 0; count < sent; count += 1) {
    writes.push(...keys.next(1));
    if (count < acknowledged) keys.acknowledge(1);
    else keys.giveUp();
  }
  return { keys, log: writes.map((write, offset) => ({ ...write, offset, timestampMs })) };
}

function judge(keys: KeyHistory, records: readonly LogRecord[]): string[] {
  return findKeyViolations(keys, { logStart: 0, end: 100, records });
}

test("a compacted log that keeps the last value raises no complaint", () => {
  const { keys, log } = history(4, 3);
  expect(judge(keys, log)).toEqual([]);
  expect(judge(keys, log.slice(2))).toEqual([]);
  expect(judge(keys, log.slice(2, 3))).toEqual([]);
});

test("a last value that is lost is told", () => {
  const { keys, log } = history(4, 3);
  expect(judge(keys, [])).toEqual(["key 0: nothing is left of write 2"]);
  expect(judge(keys, log.slice(0, 2))).toEqual(["key 0: write 1 is the last, 2 was acknowledged"]);
});

test("a deleted key may be gone, and what it held before may not come back", () => {
  const { keys, log } = history(8, 8);
  expect(judge(keys, [])).toEqual([]);
  expect(judge(keys, log.slice(7))).toEqual([]);
  expect(judge(keys, log.slice(6, 7))).toHaveLength(1);
});

test("a deletion that nobody acknowledged may have happened", () => {
  const { keys } = history(8, 7);
  expect(judge(keys, [])).toEqual([]);
});

test("torn, disordered and doubled records of a compacted log are told", () => {
  const { keys, log } = history(4, 4);
  const [, second, third, fourth] = log as [LogRecord, LogRecord, LogRecord, LogRecord];
  const torn = { ...fourth, value: encodeUtf8("torn") };
  expect(judge(keys, [third, torn]).join()).toContain("the record at 3 is torn");
  expect(judge(keys, [third, second, fourth]).join()).toContain("offset 1 follows 2");
  const doubled = { ...third, offset: 2.5 };
  expect(judge(keys, [third, doubled, fourth]).join()).toContain("write 2 lies behind 2");
});

function kept(first: number, stamps: readonly number[]) {
  const records = stamps.map((sequence, index) => ({
    offset: first + index,
    key: null,
    value: formatStamp({ producer: 0, sequence }),
    headers: [],
    timestampMs,
  }));
  return { logStart: first, end: first + stamps.length, records };
}

const acknowledged = new Map([
  [3, 30],
  [4, 40],
]);

test("a log of which the oldest records went raises no complaint", () => {
  expect(findKeptViolations({ logStart: 2, acknowledged }, kept(3, [30, 40, 50]))).toEqual([]);
  expect(findKeptViolations({ logStart: 2, acknowledged }, kept(4, [40]))).toEqual([]);
});

test("lost, moved and returned records above the log start are told", () => {
  const before = { logStart: 2, acknowledged };
  expect(findKeptViolations(before, kept(3, [30])).join()).toContain("acknowledged at 4");
  expect(findKeptViolations(before, kept(3, [31, 40])).join()).toContain("acknowledged at 3");
  expect(findKeptViolations(before, kept(1, [10, 20, 30, 40])).join()).toContain("starts at 1");
  const cut = { ...kept(3, [30, 40]), end: 6 };
  expect(findKeptViolations(before, cut).join()).toContain("records end at 5");
});
