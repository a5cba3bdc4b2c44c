import fc from "fast-check";
import { expect, test } from "vitest";
import { splitRecords } from "./split-records.ts";

test("each record is cut out as it was written", () => {
  const record = fc.dictionary(fc.string(), fc.jsonValue()).map((fields) => JSON.stringify(fields));
  fc.assert(
    fc.property(fc.array(record), fc.constantFrom(",", " ,\n"), (records, between) => {
      const message = `{"type":"records","cursor":"c1.x","records":[${records.join(between)}]}`;
      expect(splitRecords(message)).toEqual(records);
    }),
  );
});

test("quotes, brackets and backslashes in strings end nothing", () => {
  const record = String.raw`{"a": "]}\"\\", "b": [ {"c": 1.0} ]}`;
  expect(splitRecords(`{"records":[${record},${record}]}`)).toEqual([record, record]);
});
