import fc from "fast-check";
import { expect, test } from "vitest";
import { readLines } from "./read-lines.ts";

async function linesOf(chunks: readonly Buffer[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const group of readLines(each(chunks))) lines.push(...group.map(String));
  return lines;
}

async function* each(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length];
  const sorted = ends.toSorted((one, other) => one - other);
  return sorted.map((end, index) => bytes.subarray(index === 0 ? 0 : sorted[index - 1], end));
}

test("lines are the same however their bytes arrive", async () => {
  const line = fc.string({ unit: fc.constantFrom("a", "ß", "🌳", "\r", " ") });
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, places) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
      const expected = lines.map((text) => text.replace(/\r$/, ""));
      expect(await linesOf(cut(bytes, places))).toEqual(expected);
    }),
  );
});

test("the last line needs no end, an empty one in between counts", async () => {
  expect(await linesOf([Buffer.from("a\r\n\nb")])).toEqual(["a", "", "b"]);
  expect(await linesOf([Buffer.from("a\n")])).toEqual(["a"]);
  expect(await linesOf([])).toEqual([]);
});

test("bytes that are no text are kept", async () => {
  const chunks = [Buffer.from([0xff, 0x0a, 0xc3]), Buffer.from([0x28, 0x00, 0x0a])];
  const lines: Buffer[] = [];
  for await (const group of readLines(each(chunks))) lines.push(...group);
  expect(lines).toEqual([Buffer.from([0xff]), Buffer.from([0xc3, 0x28, 0x00])]);
});
