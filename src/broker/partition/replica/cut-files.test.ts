import { expect, test } from "vitest";
import { MalformedError } from "../../../base/errors.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import {
  formatTruncationNote,
  parseTruncationNote,
  type TruncationNote,
} from "../../../log/truncation-note.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { cutFiles } from "./cut-files.ts";

const plain = { isShared: false, hasGap: false, isRestart: false };
const suffixes = ["log", "index", "timeindex", "txnindex", "snapshot"];

/** Segments at 0, 10 and 20, a snapshot of the end at 25, and what else lies there. */
async function folder(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("t-0");
  const names = [0, 10, 20].flatMap((base) => suffixes.map((suffix) => `${base}.${suffix}`));
  for (const name of [...names, "25.snapshot"]) {
    const [base = "", suffix] = name.split(".");
    disk.poke(`t-0/${base.padStart(20, "0")}.${suffix}`, encodeUtf8("0123456789"));
  }
  disk.poke("t-0/leader-epoch-checkpoint", encodeUtf8("0\n0\n"));
  disk.poke("t-0/partition.metadata", encodeUtf8("version: 0"));
  return disk;
}

function left(disk: SimulatedDisk): string[] {
  const names = disk.paths().map((path) => path.slice(4));
  return names.map((name) => name.replace(/^0+(?=\d)/, "")).sort();
}

const of = (base: number, ...kept: string[]): string[] => kept.map((suffix) => `${base}.${suffix}`);
const first = of(0, ...suffixes);
const always = ["leader-epoch-checkpoint", "partition.metadata"];

const cases: [string, TruncationNote, string[], string][] = [
  [
    "in the last segment: its indexes are followed as far as they are true",
    { ...plain, baseOffset: 20, sizeBytes: 4, end: 22 },
    [...first, ...of(10, ...suffixes), ...of(20, ...suffixes), ...always],
    "0123",
  ],
  [
    "in a closed one: its own copy, and none of the indexes that it may share",
    { ...plain, baseOffset: 10, sizeBytes: 4, end: 12, isShared: true },
    [...first, ...of(10, "log", "snapshot"), ...always],
    "0123",
  ],
  [
    "between two: the second one is empty",
    { ...plain, baseOffset: 10, sizeBytes: 0, end: 10, isShared: true },
    [...first, ...of(10, "log", "snapshot"), ...always],
    "",
  ],
  [
    "in a gap: an empty one says where the log goes on",
    { ...plain, baseOffset: 10, sizeBytes: 10, end: 18, isShared: true, hasGap: true },
    [...first, ...of(10, "log", "snapshot"), "18.log", ...always],
    "0123456789",
  ],
  [
    "whole: nothing stays",
    { ...plain, baseOffset: 10, sizeBytes: 0, end: 10, isRestart: true },
    ["10.log", "partition.metadata"],
    "",
  ],
];

test.each(cases)("a log is cut %s", async (_, note, names, content) => {
  const disk = await folder();
  for (let times = 0; times < 2; times += 1) {
    await cutFiles(disk, "t-0", note);
    expect(left(disk)).toEqual([...names].sort());
    const path = `t-0/${String(note.baseOffset).padStart(20, "0")}.log`;
    expect(Buffer.from(disk.peek(path)).toString()).toBe(content);
  }
});

test("a note is read as it was written, and refused with any bit changed", () => {
  for (const [, note] of cases) {
    const bytes = formatTruncationNote(note);
    expect(parseTruncationNote(bytes)).toEqual(note);
    for (let at = 0; at < bytes.length; at += 1) {
      const spoiled = bytes.slice();
      spoiled[at] = (spoiled[at] as number) ^ 1;
      expect(() => parseTruncationNote(spoiled)).toThrow(MalformedError);
    }
  }
});
