import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { zeroUuid } from "../../base/uuid.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import { compression } from "../../codecs/node-compression.ts";
import { formatKeys, keysFileName } from "../../log/idempotency/key-table-file.ts";
import { formatSegmentName } from "../../log/segment-name.ts";
import { buildBatch } from "../../protocol/build-batch.ts";
import { verifyData } from "./verify-data.ts";
import type { Finding } from "../../broker/scrub/finding.ts";

type Files = Record<string, string>;
interface DataDirectory {
  readonly logDirectory: Files;
  readonly partitionDirectory: { readonly name: string; readonly files: Files };
  readonly openState: Files;
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../test/vectors/data-directory.json", import.meta.url), "utf8"),
) as DataDirectory;

let data = "";
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "xylem-verify-"));
  mkdirSync(join(data, "t-0"));
  mkdirSync(join(data, "__cluster_metadata-0"));
  const metadata = "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n";
  for (const folder of ["t-0", "__cluster_metadata-0"]) {
    writeFileSync(join(data, folder, "partition.metadata"), metadata);
  }
  writeFileSync(join(data, "t-0", "leader-epoch-checkpoint"), "0\n1\n0 0\n");
});
afterEach(() => rmSync(data, { recursive: true }));

async function verify() {
  const findings: Finding[] = [];
  const { signal } = new AbortController();
  const totals = await verifyData(data, { report: (finding) => findings.push(finding), signal });
  const of = (kind: Finding["kind"]) => findings.filter((finding) => finding.kind === kind);
  return { totals, damages: of("damage"), notes: of("note") };
}

function place(folder: string, files: Files): void {
  mkdirSync(join(data, folder), { recursive: true });
  for (const [name, hex] of Object.entries(files)) {
    writeFileSync(join(data, folder, name), Buffer.from(hex, "hex"));
  }
}

function batch(baseOffset: number, leaderEpoch = 0, sizeBytes = 100): Uint8Array {
  const value = new Uint8Array(sizeBytes);
  const records = [{ key: null, value, timestampMs: 1_000 + baseOffset }];
  return buildBatch(records, { baseOffset, leaderEpoch }, { crc32c, compression });
}

function segment(baseOffset: number, batches: readonly Uint8Array[]): string {
  const file = join(data, "t-0", formatSegmentName(baseOffset, ".log"));
  writeFileSync(file, Buffer.concat(batches));
  for (const suffix of [".index", ".timeindex"] as const) {
    writeFileSync(join(data, "t-0", formatSegmentName(baseOffset, suffix)), "");
  }
  return file;
}

function stopCleanlyAt(end: number): void {
  writeFileSync(join(data, "recovery-point-offset-checkpoint"), `0\n1\nt 0 ${end}\n`);
  writeFileSync(join(data, ".kafka_cleanshutdown"), "");
}

test("a directory of Apache Kafka is clean", async () => {
  place("", vectors.logDirectory);
  place("orders-0", vectors.partitionDirectory.files);
  const { damages, notes, totals } = await verify();
  expect([damages, notes]).toEqual([[], []]);
  expect(totals).toMatchObject({ segments: 2, damaged: 0 });
});

test("indexes that a killed Kafka left in full length are notes", async () => {
  place("orders-0", vectors.openState);
  const { damages, notes } = await verify();
  expect(damages).toEqual([]);
  expect(notes.map(({ why }) => why)).toContain("its end is zeros and was never cut off");
});

test("a batch that was cut short is torn after a kill, and damage after a clean stop", async () => {
  const file = segment(0, [batch(0), batch(1), batch(2)]);
  const position = batch(0).length * 2;
  truncateSync(file, position + 90);
  const killed = await verify();
  expect(killed.damages).toEqual([]);
  expect(killed.notes).toMatchObject([{ position, sizeBytes: 90 }]);
  stopCleanlyAt(3);
  const { damages } = await verify();
  expect(damages).toMatchObject([{ position, firstLostOffset: 2, lastLostOffset: 2 }]);
});

test("a log that ends too early has lost what was flushed", async () => {
  segment(0, [batch(0), batch(1)]);
  stopCleanlyAt(5);
  expect((await verify()).damages).toMatchObject([{ firstLostOffset: 2, lastLostOffset: 4 }]);
});

test("after a kill in a roll the closed segment's index lacks its end: a note", async () => {
  segment(0, [batch(0), batch(1)]);
  segment(2, []);
  const entry = Buffer.alloc(12);
  entry.writeBigInt64BE(1_000n);
  writeFileSync(join(data, "t-0", formatSegmentName(0, ".timeindex")), entry);
  const lacking = "does not end with the largest timestamp";
  const killed = await verify();
  expect(killed.damages.map(({ why }) => why)).toEqual([]);
  expect(killed.notes.map(({ why }) => why)).toContainEqual(expect.stringContaining(lacking));
  stopCleanlyAt(2);
  const stopped = await verify();
  expect(stopped.damages[0]?.why).toContain(lacking);
});

test("a gap between segments is a note, an overlap is damage", async () => {
  segment(0, [batch(0), batch(1)]);
  segment(5, [batch(5)]);
  const gap = await verify();
  expect(gap.damages).toEqual([]);
  expect(gap.notes[0]?.why).toContain("offsets 2..4 are in no segment");
  segment(5, [batch(5), batch(6)]);
  segment(6, [batch(6)]);
  expect((await verify()).damages[0]?.why).toContain("it begins below 7");
});

test("every damage in a segment is named, across reads of a chunk", async () => {
  const batches = Array.from({ length: 40 }, (_, offset) => batch(offset, 0, 100_000));
  const file = segment(0, batches);
  const bytes = readFileSync(file);
  const sizeBytes = batches[0]?.length ?? 0;
  for (const offset of [3, 20, 21, 39]) bytes[offset * sizeBytes + 50_000] = 1;
  writeFileSync(file, bytes);
  stopCleanlyAt(40);
  const { damages, totals } = await verify();
  const lost = damages.map((each) => [each.firstLostOffset, each.lastLostOffset, each.position]);
  expect(lost).toEqual([
    [3, 3, 3 * sizeBytes],
    [20, 21, 20 * sizeBytes],
    [39, 39, 39 * sizeBytes],
  ]);
  expect(totals).toMatchObject({ batches: 36, records: 36, damaged: 3 });
});

test("an index is judged up to damage in its log, and behind it", async () => {
  const batches = Array.from({ length: 6 }, (_, offset) => batch(offset));
  const file = segment(0, batches);
  const sizeBytes = batches[0]?.length ?? 0;
  const bytes = readFileSync(file);
  bytes[3 * sizeBytes + 90] = 1;
  writeFileSync(file, bytes);
  const entries = [1, 5, 3, 3 * sizeBytes, 4, 4 * sizeBytes, 6, 5 * sizeBytes];
  const index = Buffer.alloc(entries.length * 4);
  for (const [at, value] of entries.entries()) index.writeInt32BE(value, at * 4);
  writeFileSync(file.replace(".log", ".index"), index);
  const whys = (await verify()).damages.map(({ why }) => why);
  expect(whys).toEqual([
    "the checksum is wrong",
    expect.stringContaining("no batch lies at position 5"),
    expect.stringContaining("offset 6 is the last of no batch there"),
  ]);
});

test("a leader epoch that falls is damage, of which no record is lost", async () => {
  segment(0, [batch(0, 2), batch(1, 0), batch(2, 2)]);
  const { damages } = await verify();
  expect(damages).toMatchObject([{ position: batch(0).length }]);
  expect(damages[0]).not.toHaveProperty("firstLostOffset");
});

test("a missing index is a note", async () => {
  const file = segment(0, [batch(0)]);
  rmSync(file.replace(".log", ".index"));
  const { damages, notes } = await verify();
  expect([damages.length, notes.length]).toEqual([0, 1]);
});

test("idempotency keys are judged by their sum", async () => {
  segment(0, [batch(0)]);
  const file = join(data, "t-0", keysFileName);
  const bytes = formatKeys({ topicId: zeroUuid, nextOffset: 1, entries: [] }, crc32c);
  writeFileSync(file, bytes);
  expect((await verify()).damages).toEqual([]);
  bytes[30] = 1;
  writeFileSync(file, bytes);
  expect((await verify()).damages).toMatchObject([{ file: keysFileName }]);
});

test("a scrub that is told to stop stops", async () => {
  segment(0, [batch(0)]);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(verifyData(data, { report: () => {}, signal })).rejects.toThrow("enough");
});

test("an aborted transaction that its index does not name is damage", async () => {
  place("", vectors.logDirectory);
  const { name, files } = vectors.partitionDirectory;
  place(name, files);
  const index = join(data, name, formatSegmentName(0, ".txnindex"));
  expect((await verify()).damages).toEqual([]);
  const whole = readFileSync(index);
  writeFileSync(index, "");
  const [damage] = (await verify()).damages;
  expect(damage?.why).toMatch(/^the aborted transaction of producer \d+, offsets .* is missing/);
  writeFileSync(index, whole.fill(9, 20, 22));
  expect((await verify()).damages[0]?.why).toMatch(/^entry 0 can not be/);
});

test("Kafka's own metadata log is left to Kafka", async () => {
  segment(0, [batch(0)]);
  stopCleanlyAt(1);
  place("__cluster_metadata-0", { "00000000000000000000.log": "00ff" });
  expect((await verify()).damages).toEqual([]);
});

test("checkpoints that Kafka made and has not written to are no damage", async () => {
  writeFileSync(join(data, "cleaner-offset-checkpoint"), "");
  writeFileSync(join(data, ".kafka_cleanshutdown"), "");
  expect((await verify()).damages).toEqual([]);
  writeFileSync(join(data, "recovery-point-offset-checkpoint"), "");
  expect((await verify()).damages).toHaveLength(1);
  rmSync(join(data, ".kafka_cleanshutdown"));
  writeFileSync(join(data, "log-start-offset-checkpoint"), "");
  expect((await verify()).damages).toEqual([]);
  writeFileSync(join(data, "xylem-log-start-offsets"), "");
  expect((await verify()).damages).toHaveLength(1);
});

test("two batches behind a gap that contradict each other are named as lost, both", async () => {
  segment(0, [batch(0), batch(7), batch(7)]);
  segment(10, [batch(10)]);
  stopCleanlyAt(11);
  const { damages } = await verify();
  expect(damages).toMatchObject([{ firstLostOffset: 1, lastLostOffset: 9 }]);
});
