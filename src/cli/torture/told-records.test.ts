import { expect, test } from "vitest";
import { judgeFlushes } from "./flush-probe.ts";
import { formatStamp } from "./record-stamp.ts";
import { ToldRecords } from "./told-records.ts";

const record = (sequence: number, offset: number) => ({
  offset,
  value: formatStamp({ producer: 0, sequence }),
});

function told(...offsets: number[]): ToldRecords {
  const records = new ToldRecords();
  for (const offset of offsets) records.note(0, records.next(0), offset);
  return records;
}

test("what was acknowledged and is there raises no complaint, nor what was not", () => {
  const records = [record(0, 0), record(1, 1), record(2, 2)];
  expect(told(0, 1).findViolations(0, records)).toEqual([]);
});

test("a missing, a moved, a doubled and a torn record are each told", () => {
  expect(told(0, 1).findViolations(0, [record(0, 0)])[0]).toContain("record 1");
  expect(told(0).findViolations(0, [record(0, 5)])[0]).toContain("lies at 5");
  expect(told(0).findViolations(0, [record(0, 0), record(0, 1)])[0]).toContain("doubled");
  const torn = { offset: 1, value: new Uint8Array([1, 2]) };
  expect(told(0).findViolations(0, [record(0, 0), torn])[0]).toContain("torn");
});

test("a flush that takes no time is doubted, and only that", () => {
  const at = (medianMicros: number) => judgeFlushes({ medianMicros, slowestMicros: 9_999 });
  expect([at(5), at(100), at(2_000)].map(({ isDoubtful }) => isDoubtful)).toEqual([
    true,
    false,
    false,
  ]);
});
