import * as fc from "fast-check";
import { expect, test } from "vitest";
import { portableCrc32c } from "../base/crc32c.ts";
import { crc32c } from "./native-crc32c.ts";

test("native and portable sums are equal, at any length and when continued", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 200, maxLength: 2000 }), fc.nat(200), (bytes, cut) => {
      expect(crc32c(bytes)).toBe(portableCrc32c(bytes));
      expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
    }),
  );
});

test("a view into a larger buffer is summed alone", () => {
  const large = Uint8Array.from({ length: 5000 }, (_, at) => at * 13);
  expect(crc32c(large.subarray(1000, 4000))).toBe(crc32c(large.slice(1000, 4000)));
});
