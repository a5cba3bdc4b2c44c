import { expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import { silentLog } from "../../../base/log.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import type { Partition } from "../partition.ts";

const logPath = "orders-0/00000000000000000000.log";
const segmented = { "internal.segment.bytes": 250 };

/** Two closed segments of three records each and a last one; the first lacks its last `count`. */
async function cutLog(count: number, isClean: boolean): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const partition = await world.open("orders", segmented);
  for (let index = 0; index < 9; index += 1) await append(partition, [`value ${index}`]);
  if (isClean) await world.directory.close();
  const left = isClean ? disk : disk.afterKill();
  const whole = left.peek(logPath);
  left.poke(logPath, whole.slice(0, (whole.length * (3 - count)) / 3));
  return left;
}

async function reopen(
  disk: SimulatedDisk,
  settings: Partial<TopicSettings> = {},
): Promise<{ partition: Partition; told: unknown[] }> {
  const told: unknown[] = [];
  const log = { ...silentLog, error: (_: string, fields?: object) => told.push(fields) };
  const world = await openWorld(disk, { log });
  return { partition: await world.open("orders", { ...segmented, ...settings }), told };
}

async function codeAt(partition: Partition, offset: number): Promise<string> {
  const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: partition.end };
  try {
    return (await partition.read(offset, limits)).sizeBytes > 0 ? "read" : "nothing";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const offsets = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const bounds = [1, 2, 3].flatMap((count) => [true, false].map((isClean) => ({ count, isClean })));

test.each(bounds)(
  "a closed segment that lost $count batches is damage, told once (clean: $isClean)",
  async ({ count, isClean }) => {
    const { partition, told } = await reopen(await cutLog(count, isClean));
    expect(partition.end).toBe(9);
    const expected = offsets.map((at) => (at >= 3 - count && at < 3 ? "CORRUPT_MESSAGE" : "read"));
    for (let time = 0; time < 2; time += 1) {
      const codes = [];
      for (const offset of offsets) codes.push(await codeAt(partition, offset));
      expect(codes).toEqual(expected);
    }
    const lost = { firstOffset: 3 - count, endOffset: 3 };
    expect(told).toMatchObject([{ topic: "orders", partition: 0, segment: logPath, ...lost }]);
  },
);

/** Byte 75 to 150 of nine equal batches: the second one. */
test.each([true, false])(
  "a batch that is gone from the middle of a file is damage (clean: %s)",
  async (isClean) => {
    const disk = await cutLog(0, isClean);
    const whole = disk.peek(logPath);
    const size = whole.length / 3;
    disk.poke(logPath, Buffer.concat([whole.subarray(0, size), whole.subarray(2 * size)]));
    const { partition, told } = await reopen(disk);
    const codes = [];
    for (const offset of offsets) codes.push(await codeAt(partition, offset));
    expect(codes).toEqual(offsets.map((at) => (at === 1 ? "CORRUPT_MESSAGE" : "read")));
    expect(told).toMatchObject([{ segment: logPath, firstOffset: 1, endOffset: 2 }]);
  },
);

test("a segment whose files are gone is damage", async () => {
  const disk = await cutLog(0, true);
  await disk.remove("orders-0/00000000000000000003.log");
  const { partition } = await reopen(disk);
  const codes = [];
  for (const offset of offsets) codes.push(await codeAt(partition, offset));
  const lost = offsets.map((at) => (at >= 3 && at < 6 ? "CORRUPT_MESSAGE" : "read"));
  expect(codes).toEqual(lost);
});

test("a compacted topic's gap between two segments is read over", async () => {
  const { partition, told } = await reopen(await cutLog(1, true), {
    "cleanup.policy": ["compact"],
  });
  expect(await readValues(partition)).toEqual(
    offsets.filter((at) => at !== 2).map((at) => `value ${at}`),
  );
  expect(told).toEqual([]);
});
