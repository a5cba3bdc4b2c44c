import { expect, test } from "vitest";
import { findViolations, ledgerKey, type StoredRecord } from "./ledger.ts";
import { formatStamp, parseStamp } from "../../src/cli/torture/record-stamp.ts";

/** A partition 0 that holds these sequences of producer 1, in this order. */
function storedAs(sequences: readonly number[]): Map<number, StoredRecord[]> {
  const records = sequences.map((sequence, offset) => ({
    offset,
    value: formatStamp({ producer: 1, sequence }),
  }));
  return new Map([[0, records]]);
}

const told = (...offsets: (number | undefined)[]): Map<string, (number | undefined)[]> =>
  new Map([[ledgerKey(1, 0), offsets]]);

test("a log that keeps what was acknowledged raises no complaint", () => {
  const stored = storedAs([0, 1, 2, 3]);
  expect(findViolations({ acknowledged: told(0, 1, 2), stored })).toEqual([]);
});

test("records that nobody acknowledged may be there or not", () => {
  const acknowledged = told(0, 1, undefined);
  expect(findViolations({ acknowledged, stored: storedAs([0, 1]) })).toEqual([]);
  expect(findViolations({ acknowledged, stored: storedAs([0, 1, 2]) })).toEqual([]);
});

test("a missing acknowledged record is told", () => {
  const violations = findViolations({ acknowledged: told(0, 1, 2), stored: storedAs([0, 1]) });
  expect(violations).toEqual(["1/0: sequence 2, acknowledged at 2, is missing"]);
});

test("a whole partition that was lost is told", () => {
  const acknowledged = told(0);
  expect(findViolations({ acknowledged, stored: new Map([[0, []]]) })).toHaveLength(1);
  expect(findViolations({ acknowledged, stored: new Map() })).toHaveLength(1);
});

test("a doubled record is told", () => {
  const violations = findViolations({ acknowledged: told(0, 1), stored: storedAs([0, 1, 1]) });
  expect(violations.join()).toContain("record 2 doubles or disorders sequence 1");
});

test("records out of order are told", () => {
  const violations = findViolations({ acknowledged: told(0), stored: storedAs([0, 2, 1]) });
  expect(violations.join()).toContain("record 1 comes before sequence 1");
});

test("an acknowledged record at another offset is told", () => {
  const violations = findViolations({ acknowledged: told(5), stored: storedAs([0]) });
  expect(violations).toEqual(["1/0: sequence 0, acknowledged at 5, lies at 0"]);
});

test("a torn record is told", () => {
  const stored = storedAs([0, 1]);
  const value = formatStamp({ producer: 1, sequence: 1 });
  value[3] = 0;
  stored.get(0)?.splice(1, 1, { offset: 1, value });
  expect(findViolations({ acknowledged: told(0), stored })).toEqual([
    "partition 0: record 1 is torn",
  ]);
});

test("a gap between offsets is told", () => {
  const stored = storedAs([0, 1]);
  const value = formatStamp({ producer: 1, sequence: 1 });
  stored.get(0)?.splice(1, 1, { offset: 7, value });
  const violations = findViolations({ acknowledged: told(0), stored });
  expect(violations).toContain("partition 0: 7 follows 0");
});

test("a stamp says who sent the record, and every byte of it counts", () => {
  const stamp = { producer: 3, sequence: 41 };
  const value = formatStamp(stamp);
  expect(parseStamp(value)).toEqual(stamp);
  for (let at = 0; at < value.length; at += 1) {
    const damaged = value.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 4;
    expect(parseStamp(damaged)).toBeUndefined();
  }
  expect(parseStamp(value.subarray(0, value.length - 2))).toBeUndefined();
  expect(parseStamp(null)).toBeUndefined();
});
