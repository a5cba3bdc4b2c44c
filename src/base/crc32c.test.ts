import * as fc from "fast-check";
import { expect, test } from "vitest";
import { portableCrc32, portableCrc32c } from "./crc32c.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The definition, a bit at a time. */
function bitwise(bytes: Uint8Array, polynomial: number): number {
  let state = -1;
  for (const byte of bytes) {
    state ^= byte;
    for (let bit = 0; bit < 8; bit++) state = state & 1 ? polynomial ^ (state >>> 1) : state >>> 1;
  }
  return ~state >>> 0;
}

test("the check values of the catalogues: both sums of 123456789", () => {
  expect(portableCrc32c(text("123456789"))).toBe(0xe3069283);
  expect(portableCrc32(text("123456789"))).toBe(0xcbf43926);
});

test("32 bytes of zeros, of ones, and ascending, as RFC 3720 B.4 gives them", () => {
  expect(portableCrc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(portableCrc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(portableCrc32c(Uint8Array.from({ length: 32 }, (_, at) => at))).toBe(0x46dd794e);
});

test("any bytes have the sum that the definition gives", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(portableCrc32c(bytes)).toBe(bitwise(bytes, 0x82f63b78));
      expect(portableCrc32(bytes)).toBe(bitwise(bytes, 0xedb88320));
    }),
  );
});

test("a sum can be continued at any byte", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => at * 7);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const head = portableCrc32c(bytes.subarray(0, cut));
    expect(portableCrc32c(bytes.subarray(cut), head)).toBe(portableCrc32c(bytes));
  }
});
