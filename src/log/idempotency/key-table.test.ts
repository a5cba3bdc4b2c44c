import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { portableCrc32c } from "../../base/crc32c.ts";
import { MalformedError } from "../../base/errors.ts";
import { formatKeys, parseKeys } from "./key-table-file.ts";
import { type KeptAppend, KeyTable } from "./key-table.ts";

const append = (baseOffset: number, timeMs = 0): KeptAppend => ({
  fingerprint: "f",
  baseOffset,
  recordCount: 1,
  timeMs,
});
const limits = { countMax: 3, ageMsMax: 1_000 };
const ids = (table: KeyTable): string[] => [...table.entries()].map(([id]) => id);

describe("a table of keys", () => {
  test("beyond its count the oldest go", () => {
    const table = new KeyTable();
    for (const [at, id] of ["a", "b", "c", "d"].entries()) table.add(id, append(at), 0, limits);
    expect(ids(table)).toEqual(["b", "c", "d"]);
    table.add("b", append(9), 0, limits);
    table.add("e", append(10), 0, limits);
    expect(ids(table)).toEqual(["d", "b", "e"]);
  });

  test("a key is found until it is too old, and dropped then", () => {
    const table = new KeyTable();
    table.add("a", append(0, 0), 0, limits);
    table.add("b", append(1, 600), 600, limits);
    expect(table.find("a", 1_000, limits)?.baseOffset).toBe(0);
    expect(table.find("a", 1_001, limits)).toBeUndefined();
    table.add("c", append(2, 1_500), 1_500, limits);
    expect(ids(table)).toEqual(["b", "c"]);
  });

  test("what is taken back is free again, but not what came after it", () => {
    const table = new KeyTable();
    const [first, second] = [append(0), append(0)];
    table.add("a", first, 0, limits);
    table.add("a", second, 0, limits);
    table.remove("a", first);
    expect(table.find("a", 0, limits)).toBe(second);
    table.remove("a", second);
    expect(table.size).toBe(0);
  });
});

describe("its file", () => {
  const topicId = Uint8Array.from({ length: 16 }, (_, at) => at);
  const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const entry = fc.tuple(
    fc.string({ unit: "binary" }),
    fc.record({
      fingerprint: fc.string(),
      baseOffset: number,
      recordCount: fc.nat(),
      timeMs: number,
    }),
  );
  const stored = fc.record({
    topicId: fc.constant(topicId),
    nextOffset: number,
    entries: fc.array(entry, { maxLength: 20 }),
  });

  test("is read as it was written", () => {
    fc.assert(
      fc.property(stored, (keys) => {
        const bytes = formatKeys(keys, portableCrc32c);
        expect(parseKeys(bytes, topicId, portableCrc32c)).toEqual(keys);
      }),
    );
  });

  test("is not believed with a byte changed or cut off", () => {
    fc.assert(
      fc.property(stored, fc.nat(), fc.integer({ min: 1, max: 255 }), (keys, place, flip) => {
        const bytes = formatKeys(keys, portableCrc32c);
        const at = place % bytes.length;
        const read = (changed: Uint8Array) => () => parseKeys(changed, topicId, portableCrc32c);
        expect(read(bytes.subarray(0, at))).toThrow(MalformedError);
        bytes[at] = (bytes[at] as number) ^ flip;
        expect(read(bytes)).toThrow(MalformedError);
      }),
    );
  });

  test("of another topic of the same name says nothing", () => {
    const keys = { topicId, nextOffset: 1, entries: [] };
    const other = topicId.toReversed();
    expect(parseKeys(formatKeys(keys, portableCrc32c), other, portableCrc32c)).toBeUndefined();
  });
});
