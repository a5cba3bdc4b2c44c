import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSegment } from "./dump-segment.ts";

interface LegacyVector {
  readonly id: string;
  readonly hex: string;
}

function vectors<T>(name: string): T {
  const file = new URL(`../../test/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "xylem-dump-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function segment(baseOffset: number, bytes: Uint8Array): string {
  const file = join(folder, `${String(baseOffset).padStart(20, "0")}.log`);
  writeFileSync(file, bytes);
  return file;
}

test.each(vectors<LegacyVector[]>("legacy-message-sets"))(
  "messages from before magic 2 are shown: $id",
  ({ hex }) => {
    const batches = [...readSegment(segment(0, Buffer.from(hex, "hex")), true)];
    const records = batches.flatMap((batch) => batch.records);
    expect(records.map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
    expect(batches.map(({ fault }) => fault).filter(Boolean)).toEqual([]);
    expect(batches.at(-1)?.lastOffset).toBe(2);
  },
);

test("a segment of Kafka has no fault; a changed byte is one, what follows is shown", () => {
  const { partitionDirectory } = vectors<{
    partitionDirectory: { files: Record<string, string> };
  }>("data-directory");
  const bytes = Buffer.from(partitionDirectory.files["00000000000000000000.log"] as string, "hex");
  const file = segment(0, bytes);
  const batches = [...readSegment(file, true)];
  expect(batches.every(({ fault }) => fault === undefined)).toBe(true);
  bytes[70] = (bytes[70] as number) ^ 1;
  writeFileSync(file, bytes);
  const faults = [...readSegment(file, true)].map(({ fault }) => fault);
  expect(faults.length).toBe(batches.length);
  expect(faults.filter(Boolean)).toEqual(["its CRC does not match"]);
});

test("bytes that are no batch end the dump with what is wrong", () => {
  const file = segment(0, new Uint8Array(40));
  const last = [...readSegment(file, false)].at(-1);
  expect(last?.fault).toContain("can not be");
  writeFileSync(
    file,
    Uint8Array.from({ length: 100 }, (_, at) => (at === 16 ? 3 : 1)),
  );
  expect([...readSegment(file, false)][0]?.fault).toBe("a batch of magic 3 can not be");
});
