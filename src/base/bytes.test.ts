import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter, elementCountMax, equalBytes, joinBytes } from "./bytes.ts";
import { MalformedError } from "./errors.ts";

const anyInt64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const narrow = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(1);
  write(writer);
  return writer.toBytes();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

describe("integers", () => {
  test("every 64-bit integer comes back, as a number where that is exact", () => {
    fc.assert(
      fc.property(anyInt64, (value) => {
        const bytes = written((writer) => writer.int64(value));
        expect(new ByteReader(bytes).int64()).toBe(narrow(value));
      }),
    );
  });

  test("a number and the bigint of the same value are written alike", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const one = written((writer) => writer.int64(value));
        expect(
          equalBytes(
            one,
            written((writer) => writer.int64(BigInt(value))),
          ),
        ).toBe(true);
      }),
    );
  });

  test.each([
    [2 ** 53 - 1, "001fffffffffffff"],
    [-(2 ** 53 - 1), "ffe0000000000001"],
    [2n ** 53n, "0020000000000000"],
    [-1, "ffffffffffffffff"],
    [-(2n ** 63n), "8000000000000000"],
  ])("int64 %s is %s", (value, bytes) => {
    expect(hex(written((writer) => writer.int64(value)))).toBe(bytes);
    expect(new ByteReader(Buffer.from(bytes, "hex")).int64()).toBe(value);
  });

  test("small integers come back with their sign", () => {
    const bytes = written((writer) => {
      writer.int8(-2);
      writer.int16(-300);
      writer.uint16(65_000);
      writer.int32(-70_000);
      writer.uint32(4_000_000_000);
      writer.float64(-0.5);
    });
    const reader = new ByteReader(bytes);
    expect([reader.int8(), reader.int16(), reader.uint16()]).toEqual([-2, -300, 65_000]);
    expect([reader.int32(), reader.uint32(), reader.float64()]).toEqual([
      -70_000, 4_000_000_000, -0.5,
    ]);
    expect(reader.left).toBe(0);
  });
});

describe("varints", () => {
  test("unsigned, zigzag and long ones come back", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.integer(), anyInt64, (unsigned, signed, long) => {
        const bytes = written((writer) => {
          writer.uvarint(unsigned);
          writer.varint(signed);
          writer.varlong(long);
          writer.varlong(narrow(long));
        });
        const reader = new ByteReader(bytes);
        expect([reader.uvarint(), reader.varint()]).toEqual([unsigned, signed]);
        expect([reader.varlong(), reader.varlong()]).toEqual([narrow(long), narrow(long)]);
        expect(reader.left).toBe(0);
      }),
    );
  });

  test.each([
    ["ffffffff10", "more than 32 bits"],
    ["808080808000", "more than 5 bytes"],
    ["80", "no end"],
  ])("an unsigned varint %s has %s and is refused", (bytes) => {
    expect(() => new ByteReader(Buffer.from(bytes, "hex")).uvarint()).toThrow(MalformedError);
  });

  test.each(["ffffffffffffffffff02", "8080808080808080808001", "ffffffffff"])(
    "a varlong of too many bits or no end, %s, is refused",
    (bytes) => {
      expect(() => new ByteReader(Buffer.from(bytes, "hex")).varlong()).toThrow(MalformedError);
    },
  );
});

describe("text", () => {
  test("every text comes back, whatever its size is written as", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        const bytes = written((writer) => writer.utf8(text, (w, size) => w.uvarint(size + 1)));
        const reader = new ByteReader(bytes);
        expect(reader.utf8(reader.uvarint() - 1)).toBe(text);
        expect(reader.left).toBe(0);
      }),
    );
  });

  test("a byte order mark is text like any other", () => {
    const bytes = written((writer) => writer.utf8("\ufeffa", (w, size) => w.int16(size)));
    expect(new ByteReader(bytes, 2).utf8(4)).toBe("\ufeffa");
  });
});

describe("bounds", () => {
  test("a reader gives no byte past its end, though the source has more", () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5), 0, 3);
    expect(() => reader.int32()).toThrow(MalformedError);
    expect(() => reader.bytes(4)).toThrow(MalformedError);
    expect(() => reader.bytes(-1)).toThrow(MalformedError);
    expect(reader.bytes(3)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test("an array that its bytes can not hold is refused before it is made", () => {
    const reader = new ByteReader(new Uint8Array(40));
    expect(() => reader.claimElements(11, 4)).toThrow(MalformedError);
    reader.claimElements(10, 4);
  });

  test("one message has a bounded number of elements, however small they are", () => {
    const reader = new ByteReader(new Uint8Array(elementCountMax + 1));
    reader.claimElements(elementCountMax, 1);
    expect(() => reader.claimElements(1, 1)).toThrow("array elements");
  });
});

describe("the writer", () => {
  test("large runs are taken by reference, small ones are copied", () => {
    const large = new Uint8Array(4096).fill(7);
    const writer = new ByteWriter();
    writer.int32(1);
    writer.raw(large);
    writer.raw(Uint8Array.of(9));
    const chunks = writer.finish();
    expect(chunks[1]).toBe(large);
    expect(writer.sizeBytes).toBe(4 + 4096 + 1);
    expect(joinBytes(chunks).length).toBe(writer.sizeBytes);
    expect(joinBytes(chunks).at(-1)).toBe(9);
  });

  test("a size that is known late is patched in, also after the buffer has grown", () => {
    const writer = new ByteWriter(4);
    const place = writer.reserveInt32();
    writer.copy(new Uint8Array(1000));
    writer.patchInt32(place, writer.sizeBytes - 4);
    expect(new ByteReader(writer.toBytes()).int32()).toBe(1000);
  });

  test("after clear it starts over", () => {
    const writer = new ByteWriter();
    writer.raw(new Uint8Array(2000));
    writer.clear();
    writer.int8(5);
    expect(writer.toBytes()).toEqual(Uint8Array.of(5));
  });
});

test("a byte that makes the buffer grow is not lost", () => {
  const writer = new ByteWriter(2);
  for (const value of [1, 2, 3]) writer.int8(value);
  expect(writer.toBytes()).toEqual(Uint8Array.of(1, 2, 3));
});
