import fc from "fast-check";
import { expect, test } from "vitest";
import { XylemError } from "../../base/errors.ts";
import { type Cursor, CursorPositions, formatCursor, formatCursorStem } from "./cursor.ts";

const idOf = (number: number): Uint8Array => {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, number);
  return id;
};

const cursors = fc.uniqueArray(
  fc.record({
    topic: fc.constant("orders"),
    id: fc.integer({ min: 0, max: 2 ** 32 - 1 }).map(idOf),
    partitions: fc.uniqueArray(
      fc.record({
        index: fc.integer({ min: 0, max: 10_000 }),
        offset: fc.maxSafeNat(),
      }),
      { selector: ({ index }) => index, maxLength: 5 },
    ),
  }),
  { selector: ({ id }) => id.join(), maxLength: 5 },
);

const offsetsIn = (cursor: Cursor, text: string): unknown => {
  const positions = new CursorPositions(text);
  return cursor.map(({ id }) => [...(positions.find(id) ?? [])]);
};

const offsetsOf = (cursor: Cursor): unknown =>
  cursor.map(({ partitions }) => partitions.map(({ index, offset }) => [index, offset]));

test("what is written is read", () => {
  fc.assert(
    fc.property(cursors, (cursor) => {
      expect(offsetsIn(cursor, formatCursor(cursor))).toEqual(offsetsOf(cursor));
    }),
  );
});

test("a stem and an offset are a cursor", () => {
  const partitions = [
    { index: 3, offset: 7 },
    { index: 4, offset: 8 },
  ];
  const cursor = [
    { topic: "a", id: idOf(1), partitions },
    { topic: "b", id: idOf(2), partitions },
  ];
  const text = `${formatCursorStem(cursor, "b", 3)}99`;
  expect(offsetsIn(cursor, text)).toEqual([
    [
      [3, 7],
      [4, 8],
    ],
    [
      [3, 99],
      [4, 8],
    ],
  ]);
});

test("the stem of a reader of one partition does not move", () => {
  const stemAt = (offset: number): string =>
    formatCursorStem([{ topic: "a", id: idOf(1), partitions: [{ index: 0, offset }] }], "a", 0);
  expect(stemAt(5)).toBe(stemAt(5_000_000));
});

test("256 partitions of as many topics stay below 4 KiB", () => {
  const partitions = [{ index: 0, offset: 2 ** 42 - 1 }];
  const cursor = Array.from({ length: 256 }, (_, at) => ({
    topic: `t${at}`,
    id: idOf(at),
    partitions,
  }));
  const text = `${formatCursorStem(cursor, "t255", 0)}${2 ** 42 - 1}`;
  expect(text.length).toBeLessThan(4_096);
});

test("a topic that was made anew is not in it", () => {
  const text = formatCursor([{ topic: "a", id: idOf(1), partitions: [] }]);
  expect(new CursorPositions(text).find(idOf(2))).toBeUndefined();
});

function codeOf(text: string): unknown {
  try {
    return void new CursorPositions(text);
  } catch (error) {
    return error instanceof XylemError ? error.code : error;
  }
}

test("what is no cursor is refused, whatever it is", () => {
  const refused = expect.objectContaining({ code: "INVALID_REQUEST" });
  for (const text of ["", "c1", "c2.AAAA", "c1.A", "c1.AAAAAAE", "c1..0.1", "c1.AAAAAAA.0", "42"]) {
    expect(() => new CursorPositions(text), text).toThrow(refused);
  }
  fc.assert(
    fc.property(fc.base64String(), (garbage) => {
      expect([undefined, "INVALID_REQUEST"]).toContain(codeOf(`c1.${garbage}`));
    }),
  );
});

test("a long cursor is looked up at once for each of many partitions", () => {
  const partitions = Array.from({ length: 10_000 }, (_, index) => ({ index, offset: index }));
  const positions = new CursorPositions(formatCursor([{ topic: "a", id: idOf(1), partitions }]));
  expect(positions.find(idOf(1))).toBe(positions.find(idOf(1)));
  expect(positions.find(idOf(1))?.get(9_999)).toBe(9_999);
});
