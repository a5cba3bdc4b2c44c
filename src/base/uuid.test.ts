import fc from "fast-check";
import { expect, test } from "vitest";
import { SeededRandom } from "./seeded-random.ts";
import { formatUuid, isZeroUuid, makeUuid, parseUuid, zeroUuid } from "./uuid.ts";

const anyUuid = fc.uint8Array({ minLength: 16, maxLength: 16 });

test("text is base64url of the 16 bytes, without padding", () => {
  fc.assert(
    fc.property(anyUuid, (id) => {
      expect(formatUuid(id)).toBe(Buffer.from(id).toString("base64url"));
    }),
  );
});

test("every id reads back from its text", () => {
  fc.assert(
    fc.property(anyUuid, (id) => {
      expect(parseUuid(formatUuid(id))).toEqual(id);
    }),
  );
});

test.each(["", "short", "A".repeat(23), `${"A".repeat(21)}=`, `${"A".repeat(21)}/`])(
  "%j is no id: INVALID_REQUEST",
  (text) => {
    expect(() => parseUuid(text)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
  },
);

test("a made id is of version 4 and its text never starts with a dash", () => {
  const random = new SeededRandom(3);
  for (let count = 0; count < 2_000; count++) {
    const id = makeUuid(random);
    expect(id[6]! >> 4).toBe(4);
    expect(id[8]! >> 6).toBe(2);
    expect(formatUuid(id)).not.toMatch(/^-/);
  }
});

test("all zero means none", () => {
  expect(isZeroUuid(zeroUuid)).toBe(true);
  expect(isZeroUuid(makeUuid(new SeededRandom(1)))).toBe(false);
  expect(formatUuid(zeroUuid)).toBe("AAAAAAAAAAAAAAAAAAAAAA");
});
