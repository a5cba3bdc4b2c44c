import fc from "fast-check";
import { expect, test } from "vitest";
import { append, openWorld } from "../../../../test/support/log-directory.ts";
import { joinBytes, readInt64 } from "../../../base/bytes.ts";
import { XylemError } from "../../../base/errors.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Partition } from "../partition.ts";

const settings = { "log.tail.cache.max.bytes": 0 };
const logPath = "orders-0/00000000000000000000.log";

/** A batch of the first segment: its records, and whether a cleaner left it. */
interface Written {
  readonly span: number;
  readonly isKept: boolean;
}

interface Stored {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly endOffset: number;
}

interface GappedLog {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly batches: readonly Stored[];
  /** Where the second segment begins. */
  readonly closedEnd: number;
}

function topicOf(written: readonly Written[]) {
  const records = written.reduce((sum, { span }) => sum + span, 0);
  return { "cleanup.policy": ["compact"], "segment.records": records } as const;
}

/** A closed segment with gaps, behind it a last one of a single batch. */
async function writeLog(written: readonly Written[]): Promise<GappedLog> {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk, { settings });
  const partition = await world.open("orders", topicOf(written));
  for (const { span } of [...written, { span: 1 }]) {
    const values = Array.from({ length: span }, (_, at) => `value ${at}`);
    await append(partition, values, { key: "k" });
  }
  await world.directory.close();
  const all = batchesIn(disk.peek(logPath));
  const batches = all.filter((_, at) => written[at]?.isKept);
  disk.poke(logPath, joinBytes(batches.map(({ bytes }) => bytes)));
  for (const suffix of [".index", ".timeindex"]) {
    await disk.remove(logPath.replace(".log", suffix));
  }
  const files = new Map(disk.paths().map((path) => [path, disk.peek(path)]));
  return { files, batches: batchesIn(disk.peek(logPath)), closedEnd: all.at(-1)?.endOffset ?? 0 };
}

function batchesIn(bytes: Uint8Array): Stored[] {
  const found: Stored[] = [];
  for (const walk = new BatchWalk(bytes, 0, 0); walk.look() === "batch"; walk.advance()) {
    const { position, sizeBytes, baseOffset, lastOffset } = walk;
    const batch = bytes.slice(position, position + sizeBytes);
    found.push({ position, bytes: batch, baseOffset, endOffset: lastOffset + 1 });
  }
  return found;
}

/** Opens the log with a bit of a batch's base offset flipped, before or after it is opened. */
async function openSpoiled(
  log: GappedLog,
  topic: ReturnType<typeof topicOf>,
  flip: { victim: Stored; bit: number; isRunning: boolean },
): Promise<Partition> {
  const { victim, bit, isRunning } = flip;
  const disk = new SimulatedDisk();
  await disk.makeDirectory("orders-0");
  for (const [path, bytes] of log.files) disk.poke(path, bytes);
  const world = await openWorld(disk, { settings });
  const position = victim.position + 7 - Math.floor(bit / 8);
  const byte = disk.peek(logPath)[position] as number;
  const spoil = (): void => disk.spoil(logPath, position, Uint8Array.of(byte ^ (1 << (bit % 8))));
  if (!isRunning) spoil();
  const partition = await world.open("orders", topic);
  if (isRunning) spoil();
  return partition;
}

function flippedBase({ bytes }: Stored, bit: number): number {
  const head = bytes.slice(0, 8);
  const at = 7 - Math.floor(bit / 8);
  head[at] = (head[at] as number) ^ (1 << (bit % 8));
  return Number(readInt64(head, 0));
}

/** Which neighbour's own base offset could be the wrong one instead, as far as offsets tell. */
function doubtful({ batches, closedEnd }: GappedLog, at: number, base: number): Stored | undefined {
  const victim = batches[at] as Stored;
  const end = base + victim.endOffset - victim.baseOffset;
  const [before, behind] = [batches[at - 1], batches[at + 1]];
  const span = ({ baseOffset, endOffset }: Stored): number => endOffset - baseOffset;
  if (before !== undefined && base < before.endOffset) {
    const room = base - (batches[at - 2]?.endOffset ?? 0);
    return room >= span(before) ? before : undefined;
  }
  if (behind === undefined || end <= behind.baseOffset) return undefined;
  const room = (batches[at + 2]?.baseOffset ?? closedEnd) - end;
  return room >= span(behind) ? behind : undefined;
}

/** Where a flip leaves a batch in the gap around it Kafka's format has nothing to tell it by. */
function isTellable({ batches, closedEnd }: GappedLog, at: number, base: number): boolean {
  const victim = batches[at] as Stored;
  const from = batches[at - 1]?.endOffset ?? 0;
  const to = batches[at + 1]?.baseOffset ?? closedEnd;
  return base < from || base + victim.endOffset - victim.baseOffset > to;
}

async function readAt(partition: Partition, offset: number, sizeBytesMax: number) {
  const limits = { sizeBytesMax, wholeFirst: true, upTo: partition.end };
  try {
    return Buffer.concat((await partition.read(offset, limits)).chunks).toString("hex");
  } catch (error) {
    if (error instanceof XylemError) return error.code;
    throw error;
  }
}

/** What every offset of the closed segment answers: bytes as hex, or an error. */
async function answersOf(partition: Partition, end: number, sizeBytesMax: number) {
  const answers: string[] = [];
  for (let offset = 0; offset < end; offset += 1) {
    answers.push(await readAt(partition, offset, sizeBytesMax));
  }
  return answers;
}

function toHex(batches: readonly Stored[]): string {
  return Buffer.concat(batches.map(({ bytes }) => bytes)).toString("hex");
}

/** What was answered at the wrong offsets, or refused though it is sound. */
function faultsOf(
  { batches }: GappedLog,
  answers: readonly string[],
  isLost: (one: Stored) => boolean,
): string[] {
  return answers.flatMap((answer, offset) => {
    const first = batches.findIndex(({ endOffset }) => offset < endOffset);
    const wanted = batches[first];
    const isInGap = wanted === undefined || offset < wanted.baseOffset;
    // Of a gap beside what was flipped nobody knows whether it held some of it.
    if (isInGap && answer === "CORRUPT_MESSAGE") return [];
    // Nothing is left in the segment from there on: the next one is read.
    if (wanted === undefined) return [];
    const next = batches.findIndex((one, at) => at >= first && isLost(one));
    const sound = toHex(batches.slice(first, next < 0 ? undefined : next));
    const isRight = isLost(wanted)
      ? answer === "CORRUPT_MESSAGE"
      : answer.length > 0 && sound.startsWith(answer);
    return isRight ? [] : [`${offset}: ${answer}`];
  });
}

interface Flipped {
  readonly written: readonly Written[];
  readonly at: number;
  readonly bit: number;
  readonly isRunning: boolean;
  readonly sizeBytesMax: number;
}

const batch = fc.record({ span: fc.integer({ min: 1, max: 4 }), isKept: fc.boolean() });
const flipped = fc.record({
  written: fc.array(batch, { minLength: 3, maxLength: 9 }),
  at: fc.nat(),
  bit: fc.oneof(fc.nat(5), fc.nat(63)),
  isRunning: fc.boolean(),
  sizeBytesMax: fc.constantFrom(1, 100_000),
});

test("two batches of which one has the other's offsets are both refused, no others", async () => {
  const kept = { span: 1, isKept: true };
  const gone = { span: 6, isKept: false };
  // Offsets 0, 7 and 8, 9 of ten: 9 becomes 8.
  const written = [kept, gone, { span: 2, isKept: true }, kept];
  const log = await writeLog(written);
  const victim = log.batches[2] as Stored;
  expect([log.batches[1]?.baseOffset, victim.baseOffset, flippedBase(victim, 0)]).toEqual([
    7, 9, 8,
  ]);
  for (const isRunning of [true, false]) {
    const partition = await openSpoiled(log, topicOf(written), { victim, bit: 0, isRunning });
    const answers = await answersOf(partition, log.closedEnd, 1);
    expect(answers).toEqual([
      toHex(log.batches.slice(0, 1)),
      ...Array.from({ length: 9 }, () => "CORRUPT_MESSAGE"),
    ]);
  }
});

test("a flipped base offset that contradicts its neighbours is never served", async () => {
  const check = async ({ written, at: drawn, bit, isRunning, sizeBytesMax }: Flipped) => {
    const log = await writeLog(written);
    fc.pre(log.batches.length > 0);
    const at = drawn % log.batches.length;
    const victim = log.batches[at] as Stored;
    const base = flippedBase(victim, bit);
    fc.pre(isTellable(log, at, base));
    const partition = await openSpoiled(log, topicOf(written), { victim, bit, isRunning });
    const doubted = doubtful(log, at, base);
    const answers = await answersOf(partition, log.closedEnd, sizeBytesMax);
    const isLost = (one: Stored): boolean => one === victim || one === doubted;
    expect(faultsOf(log, answers, isLost)).toEqual([]);
  };
  await fc.assert(fc.asyncProperty(flipped, check), { numRuns: 200 });
});
