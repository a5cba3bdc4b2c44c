import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import { ListOffsetsRequest } from "../messages/list-offsets.ts";
import { message } from "./message.ts";
import { parseVersions } from "./versions.ts";
import { noUuid, wire } from "./wire.ts";

const Sample = message({
  name: "Sample",
  versions: "0-3",
  flexible: "2+",
  fields: {
    name: wire.nullable(wire.string, "1+"),
    epoch: wire.since(1, wire.int32, -1),
    rack: wire.since(2, wire.nullableString, null, wire.ignorable),
    old: wire.versions("0-1", wire.int16),
    items: wire.nullable(wire.array({ id: wire.int32, parts: wire.array(wire.int8) })),
    extra: wire.tagged({ tag: 3, since: 2 }, wire.string, "none"),
    cursor: wire.tagged({ tag: 1, since: 3 }, wire.nullable(wire.struct({ at: wire.int8 })), null),
    id: wire.tagged({ tag: 4, since: 2 }, wire.uuid, noUuid, wire.ignorable),
  },
});

function fromHex(text: string): Uint8Array {
  const digits = text.replaceAll(/#.*$/gm, "").replaceAll(/\s/g, "");
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

function write(value: Parameters<typeof Sample.write>[1], version: number): string {
  const writer = new ByteWriter();
  Sample.write(writer, value, version);
  return Buffer.from(writer.toBytes()).toString("hex");
}

const read = (hex: string, version: number): ReturnType<typeof Sample.read> =>
  Sample.read(new ByteReader(fromHex(hex)), version);

test("version 1 carries no leader epoch: it reads as -1", () => {
  const wireBytes = fromHex(`ffffffff          # replica_id -1
                             00000001 0001 74  # one topic, "t"
                             00000001 00000007 # one partition, index 7
                             fffffffffffffffe  # timestamp -2: earliest`);
  const request = ListOffsetsRequest.read(new ByteReader(wireBytes), 1);
  expect(request.topics[0]?.partitions).toEqual([
    { partitionIndex: 7, currentLeaderEpoch: -1, timestamp: -2 },
  ]);
});

describe("what is written", () => {
  test("version 0: int16 and int32 sizes, no later field", () => {
    expect(write({ name: "ab", old: 5, items: null }, 0)).toBe(
      "0002 6162 0005 ffffffff".replaceAll(" ", ""),
    );
  });

  test("version 2: compact sizes, a tagged section in every struct", () => {
    const items = [{ id: 1, parts: [2, 3] }];
    const hex = write({ name: null, epoch: 9, rack: "r", items }, 2);
    expect(hex).toBe("00 00000009 0272 02 00000001 03 0203 00 00".replaceAll(" ", ""));
  });

  test("tagged fields are in order of their tags and only when not at their default", () => {
    const hex = write({ name: "", items: [], extra: "x", cursor: { at: 4 } }, 3);
    expect(hex).toBe("01 ffffffff 00 01 02 01 03 01 04 00 03 02 0278".replaceAll(" ", ""));
  });

  test("text that is not ASCII has its size in bytes", () => {
    expect(write({ name: "é", items: null }, 2).slice(0, 6)).toBe("03c3a9");
  });
});

describe("what a version can not carry", () => {
  test("a value that would be lost is an error that names the field", () => {
    expect(() => write({ name: "", epoch: 3, items: null }, 0)).toThrow("no field epoch");
    expect(() => write({ name: "", old: 3, items: null }, 2)).toThrow("no field old");
  });

  test("the default of the field is not lost, an ignorable value may be", () => {
    const id = Uint8Array.from({ length: 16 }, () => 1);
    expect(write({ name: "", epoch: -1, rack: "r", id, items: null }, 0)).toBe("00000000ffffffff");
  });

  test("null in a version that has none is a defect", () => {
    expect(() => write({ name: null, items: null }, 0)).toThrow("null given");
  });

  test("a version that the message does not have is a defect", () => {
    expect(() => read("", 4)).toThrow("Sample has no version 4");
  });
});

describe("what is read", () => {
  test("absent fields have their default", () => {
    expect(read("0000 0000 00000000", 0)).toEqual({
      name: "",
      epoch: -1,
      rack: null,
      old: 0,
      items: [],
      extra: "none",
      cursor: null,
      id: noUuid,
    });
  });

  test("a nullable struct in a tagged section is null or there", () => {
    expect(read("01 ffffffff 00 01 01 01 01 ff", 3).cursor).toBeNull();
    expect(read("01 ffffffff 00 01 01 01 03 01 07 00", 3).cursor).toEqual({ at: 7 });
  });

  test("a default that all messages share can not be changed", () => {
    const Holder = message({
      name: "Holder",
      versions: "0-1",
      flexible: "none",
      fields: { list: wire.since(1, wire.array(wire.int8)), inner: wire.since(1, wire.struct({})) },
    });
    const held = Holder.read(new ByteReader(fromHex("")), 0);
    expect([Object.isFrozen(held.list), Object.isFrozen(held.inner)]).toEqual([true, true]);
  });

  test("unknown tags are skipped", () => {
    expect(read("01 ffffffff 00 01 02 03 02 0279 63 02 beef", 2).extra).toBe("y");
  });

  test("bytes behind the message are left to the caller", () => {
    const reader = new ByteReader(fromHex("0000 0000 00000000 aabb"));
    Sample.read(reader, 0);
    expect(reader.left).toBe(2);
  });
});

describe("hostile bytes", () => {
  test.each([
    ["ffff 0000 00000000", 0, "null where none is allowed"],
    ["fffe 0000 00000000", 1, "a size below -1"],
    ["0000 0000 7fffffff", 0, "more elements than bytes"],
    ["01 ffffffff 00 ffffffff0f 00", 2, "more compact elements than bytes"],
    ["01 ffffffff 00 01 02 03 02 0279 03 02 0279", 2, "a tag twice"],
    ["01 ffffffff 00 01 01 03 7f 0279", 2, "a tag that ends past the message"],
    ["01 ffffffff 00 01 01 03 03 027900", 2, "a tag of another size than it says"],
    ["01 ffffffff 00 01 ff", 2, "a tagged section without an end"],
  ])("%s in version %i is refused: %s", (hex, version) => {
    expect(() => read(hex, version)).toThrow(MalformedError);
  });

  test("nested arrays can not multiply: elements are bounded for the message as a whole", () => {
    const Nested = message({
      name: "Nested",
      versions: "0",
      flexible: "0+",
      fields: { outer: wire.array(wire.array(wire.int8)) },
    });
    const inner = new ByteWriter();
    inner.uvarint(1100 + 1);
    for (let outer = 0; outer < 1100; outer++) {
      inner.uvarint(1000 + 1);
      inner.copy(new Uint8Array(1000));
    }
    inner.uvarint(0);
    expect(() => Nested.read(new ByteReader(inner.toBytes()), 0)).toThrow("array elements");
  });
});

test.each([
  ["4-7", { min: 4, max: 7 }],
  ["4+", { min: 4, max: 32_767 }],
  ["4", { min: 4, max: 4 }],
  ["none", { min: 0, max: -1 }],
])("the range %s", (text, range) => {
  expect(parseVersions(text)).toEqual(range);
});
