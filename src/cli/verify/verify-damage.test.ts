import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { append, batchOf, committed } from "../../../test/support/log-directory.ts";
import { openTopicsWorld } from "../../../test/support/topics-world.ts";
import { FilesDisk } from "../../storage/files-disk.ts";
import { formatOffsetCheckpoint } from "../../log/text-checkpoint.ts";
import { formatTruncationNote } from "../../log/truncation-note.ts";
import { planRepairs } from "./repairs.ts";
import { verifyData } from "./verify-data.ts";
import type { Finding } from "../../broker/scrub/finding.ts";

const root = mkdtempSync(join(tmpdir(), "xylem-damage-"));
const whole = join(root, "whole");
const spoiled = join(root, "spoiled");
let files: readonly string[] = [];

/** A directory that was stopped in order, with everything in it that a directory may hold. */
beforeAll(async () => {
  const disk = new FilesDisk(root);
  await disk.makeDirectory("whole");
  const world = await openTopicsWorld(new FilesDisk(whole));
  await world.create("orders", { "segment.records": "20", "index.interval.bytes": "1" });
  await world.create("ids", { "segment.records": "4" });
  for (let at = 0; at < 50; at += 1) {
    await append(world.partition("orders"), [`value ${at}`], { timestampMs: 1_000 + at });
  }
  const ids = world.partition("ids");
  const producer = { producerId: 7, producerEpoch: 0, isTransactional: true } as const;
  for (let sequence = 0; sequence < 6; sequence += 1) {
    // Times that rise: of equal ones an index may name any.
    await world.clock.advance(10);
    const times = { timestampMs: 1_000 + sequence };
    const batch = batchOf(["x"], { ...producer, baseSequence: sequence, ...times });
    ids.append(batch, { origin: "client", isTransactionKnown: true });
    const end = { producerId: 7, producerEpoch: 0, coordinatorEpoch: 1, transactionVersion: 1 };
    ids.endTransaction({ ...end, type: sequence % 2 === 0 ? "abort" : "commit" });
  }
  await committed(ids, ids.end);
  await world.partition("orders").deleteRecordsBefore(25);
  await world.clock.advance(100_000);
  await world.close();
  cpSync(whole, spoiled, { recursive: true });
  files = (
    readdirSync(whole, { recursive: true, withFileTypes: true }) as {
      name: string;
      parentPath: string;
      isFile(): boolean;
    }[]
  )
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(whole.length + 1))
    .filter((name) => readFileSync(join(whole, name)).length > 0)
    .toSorted();
});

afterAll(() => rmSync(root, { recursive: true }));

async function findings(): Promise<Finding[]> {
  const found: Finding[] = [];
  const { signal } = new AbortController();
  await verifyData(spoiled, { report: (finding) => found.push(finding), signal });
  return found;
}

/** What is found while a file, or a folder, is spoiled; it is whole again afterwards. */
async function findingsAfter(name: string, spoil: (path: string) => void): Promise<Finding[]> {
  spoil(join(spoiled, name));
  const found = await findings();
  rmSync(join(spoiled, name), { recursive: true, force: true });
  cpSync(join(whole, name), join(spoiled, name), { recursive: true });
  return found;
}

const newline = 0x0a;

/** Nothing else in a directory says what these do, or there is no second place to know it from. */
const unproven = [
  "meta.properties",
  ".kafka_cleanshutdown",
  "replication-offset-checkpoint",
  "log-start-offset-checkpoint",
  "xylem-log-start-offsets",
];
const isProven = (name: string): boolean => !unproven.includes(name);

test("the directory that is spoiled is whole, and has every kind of file", async () => {
  expect(await findings()).toEqual([]);
  const kinds = new Set(files.map((name) => name.replace(/.*\/|^/, "").replace(/^\d{20}/, "")));
  for (const kind of [".log", ".index", ".timeindex", ".txnindex", ".snapshot"]) {
    expect([...kinds]).toContain(kind);
  }
  expect([...kinds]).toContain("xylem-coordinator.log");
});

test("no bit that flips in a file with a witness is missed", async () => {
  const provable = files.filter(isProven);
  const bit = fc.record({
    file: fc.constantFrom(...provable),
    at: fc.nat(),
    mask: fc.nat(7).map((shift) => 1 << shift),
  });
  await fc.assert(
    fc.asyncProperty(bit, async ({ file, at, mask }) => {
      const found = await findingsAfter(file, (path) => {
        const bytes = readFileSync(path);
        const position = at % bytes.length;
        bytes[position] = (bytes[position] ?? 0) ^ mask;
        writeFileSync(path, bytes);
      });
      expect(found.filter(({ kind }) => kind === "damage")).not.toEqual([]);
    }),
    { numRuns: 200 },
  );
}, 60_000);

test("no file that is cut short is missed", async () => {
  const cut = fc.record({ file: fc.constantFrom(...files.filter(isProven)), at: fc.nat() });
  await fc.assert(
    fc.asyncProperty(cut, async ({ file, at }) => {
      const found = await findingsAfter(file, (path) => {
        const bytes = readFileSync(path);
        // The last line's end says nothing, and an index may lack entries: it is slower, and true.
        const size = Math.min(at % bytes.length, bytes.length - 2);
        // Up to a line's end this one is as it once was, which others may fit.
        const isFormer = file === "xylem-coordinator.log" && bytes[size - 1] === newline;
        const isWholeEntries = file.endsWith(".index") && size % 8 === 0;
        writeFileSync(path, bytes.subarray(0, size + (isWholeEntries || isFormer ? 1 : 0)));
      });
      expect(found).not.toEqual([]);
    }),
    { numRuns: 100 },
  );
}, 60_000);

test("no file that is gone is missed, nor a whole folder", async () => {
  const logs = files.filter((name) => isProven(name) && !name.endsWith(".snapshot"));
  for (const file of logs) {
    const found = await findingsAfter(file, (path) => rmSync(path));
    expect(found, file).not.toEqual([]);
  }
  for (const folder of ["orders-0", "ids-0"]) {
    const found = await findingsAfter(folder, (path) => rmSync(path, { recursive: true }));
    expect(found[0]).toMatchObject({ kind: "damage", lastLostOffset: expect.any(Number) });
  }
});

test("a log all of whose records went begins at its start: no damage", async () => {
  const path = join(root, "emptied");
  await new FilesDisk(root).makeDirectory("emptied");
  const world = await openTopicsWorld(new FilesDisk(path));
  await world.create("gone", { "retention.ms": "1000", "file.delete.delay.ms": "0" });
  await append(world.partition("gone"), ["a", "b", "c"], { timestampMs: world.clock.nowMs() });
  await world.clock.advance(10_000);
  await world.partition("gone").applyRetention(world.clock.nowMs());
  expect(world.partition("gone").logStart).toBe(3);
  await world.clock.advance(10_000);
  await world.close();
  const found: Finding[] = [];
  const { signal } = new AbortController();
  await verifyData(path, { report: (finding) => found.push(finding), signal });
  expect(found).toEqual([]);
});

test("log starts of which a kill left the second file behind are no damage", async () => {
  const names = ["log-start-offset-checkpoint", "xylem-log-start-offsets"] as const;
  const other = formatOffsetCheckpoint(new Map([["orders-0", 30]]));
  const differing = async (text: string) =>
    (await findingsAfter(names[1], (path) => writeFileSync(path, text))).map(({ kind }) => kind);
  expect(await differing(other)).toEqual(["damage"]);
  const marker = ".kafka_cleanshutdown";
  const killed = await findingsAfter(marker, (path) => {
    rmSync(path);
    writeFileSync(join(spoiled, names[1]), other);
  });
  expect(killed.filter(({ file }) => file === names[1])).toMatchObject([{ kind: "note" }]);
  const rotten = await findingsAfter(marker, (path) => {
    rmSync(path);
    writeFileSync(join(spoiled, names[1]), other.replace("orders 0 30", "orders 0 31"));
  });
  expect(rotten.filter(({ file }) => file === names[1])).toMatchObject([{ kind: "damage" }]);
  cpSync(join(whole, names[1]), join(spoiled, names[1]));
});

test("a segment below the log start that was not removed yet is no damage", async () => {
  const name = "log-start-offset-checkpoint";
  const starts = new Map([["orders-0", 45]]);
  const told = async (text: string) => {
    const found = await findingsAfter("xylem-log-start-offsets", (path) => {
      writeFileSync(path, text);
      writeFileSync(join(spoiled, name), text);
    });
    cpSync(join(whole, name), join(spoiled, name));
    return found.filter(({ file }) => file === name).map(({ kind }) => kind);
  };
  expect(await told(formatOffsetCheckpoint(starts))).toEqual(["note"]);
  // No sum says that anybody wrote it so.
  expect(await told("0\n1\norders 0 45\n")).toEqual(["damage"]);
  expect(await told(formatOffsetCheckpoint(starts.set("orders-0", 51)))).toEqual(["damage"]);
});

/** The next start cuts a log after four of ten batches; one of them, or behind them, is bad. */
function spoilBesideNote(path: string, at: number): void {
  const log = join(path, "00000000000000000040.log");
  const bytes = readFileSync(log);
  const sizeBytes = bytes.length / 10;
  bytes.fill(0, at * sizeBytes, (at + 1) * sizeBytes);
  writeFileSync(log, bytes);
  const place = { baseOffset: 40, sizeBytes: 4 * sizeBytes, end: 44 };
  const note = { ...place, isShared: false, hasGap: false, isRestart: false };
  writeFileSync(join(path, "xylem-truncation"), formatTruncationNote(note));
}

test("what the next start cuts anyway is no damage", async () => {
  const folder = "orders-0";
  const behind = await findingsAfter(folder, (path) => spoilBesideNote(path, 5));
  expect(behind.map(({ kind, file, why }) => `${kind} ${file}: ${why}`)).toEqual([
    "note xylem-truncation: the next start cuts the log at 44; what is behind counts no more",
  ]);
  const before = await findingsAfter(folder, (path) => spoilBesideNote(path, 3));
  expect(before.filter(({ kind }) => kind === "damage")).toMatchObject([
    { firstLostOffset: 43, lastLostOffset: 43 },
  ]);
  const unreadable = await findingsAfter(folder, (path) => {
    writeFileSync(join(path, "xylem-truncation"), "0\n");
  });
  expect(unreadable).toMatchObject([{ kind: "damage", file: "xylem-truncation" }]);
});

test("a log that the next start cuts is not written anew before", async () => {
  const folder = join(spoiled, "orders-0");
  spoilBesideNote(folder, 3);
  const log = join(folder, "00000000000000000040.log");
  const before = readFileSync(log);
  const [repair] = planRepairs(spoiled, await findings());
  expect(repair?.words).toBe("skip damaged offsets 43-43 of orders-0");
  await expect(repair?.run()).rejects.toThrow("start the node once");
  expect(readFileSync(log)).toEqual(before);
  rmSync(folder, { recursive: true });
  cpSync(join(whole, "orders-0"), folder, { recursive: true });
});
